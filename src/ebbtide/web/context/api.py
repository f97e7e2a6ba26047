"""What the page that describes the retrieval API is given."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterLine:
    """A parameter: where it stands (`query` or `path`), its type in words, whether it has to be there."""

    name: str
    place: str
    type: str
    needed: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLine:
    """An answer: its status, what it means, the name of its shape; empty where it has none."""

    status: str
    words: str
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationLine:
    """Something that can be asked."""

    id: str
    method: str
    path: str
    summary: str
    words: str
    parameters: tuple[ParameterLine, ...]
    responses: tuple[ResponseLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """A member of a shape."""

    name: str
    type: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLine:
    """What an answer, or a part of one, looks like."""

    name: str
    words: str
    fields: tuple[FieldLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """The whole description."""

    title: str
    paragraphs: tuple[str, ...]
    operations: tuple[OperationLine, ...]
    shapes: tuple[ShapeLine, ...]
