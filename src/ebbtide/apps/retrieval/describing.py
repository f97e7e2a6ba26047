"""The description of the retrieval API: as OpenAPI for programs, as a page for people; both from the API itself."""

from functools import cache
from typing import Any

from ebbtide.apps.retrieval.api import api
from ebbtide.apps.tokens.problems import CONTENT_TYPE
from ebbtide.web.context.api import ApiPage, FieldLine, OperationLine, ParameterLine, ResponseLine, ShapeLine

_WRONG = 400
_WORDS = {
    "200": "OK", "206": "The part asked for", "304": "It has not changed since", "401": "The token is refused",
    "403": "The token is not for this", "404": "There is no such thing here for you", "410": "It is purged",
    "416": "There is no such part", "422": "A parameter cannot be used", "429": "Too many requests",
    "503": "Something this needs did not answer",
}  # fmt: skip


def description(base: str = "") -> dict[str, Any]:
    """Give the OpenAPI description.

    Args:
        base: where the product is, as `https://host`.
    """
    return {**_described(), "servers": [{"url": base}]} if base else _described()


@cache
def _described() -> dict[str, Any]:
    """Describe the API, once a process."""
    told: dict[str, Any] = api.get_openapi_schema(path_prefix="/api/v1/")
    for operations in told["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                answer["description"] = _WORDS.get(str(status), answer.get("description", ""))
                if int(status) >= _WRONG and "application/json" in answer.get("content", {}):
                    answer["content"] = {CONTENT_TYPE: answer["content"]["application/json"]}
            operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
    return told


@cache
def page() -> ApiPage:
    """Give the description as people read it."""
    told = description()
    operations = [
        _operation(method, path, operation)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    ]
    shapes = [
        _shape(name, one)
        for name, one in told["components"]["schemas"].items()
        if "properties" in one and not name.endswith("Filters")  # those stand at what is asked
    ]
    return ApiPage(
        title=told["info"]["title"],
        paragraphs=tuple(_plain(part) for part in told["info"]["description"].split("\n\n")),
        operations=tuple(operations),
        shapes=tuple(sorted(shapes, key=lambda one: one.name)),
    )


def _plain(text: str) -> str:
    """Take Markdown's marks out of a text."""
    return " ".join(text.replace("**", "").replace("`", "").split())


def _operation(method: str, path: str, operation: dict[str, Any]) -> OperationLine:
    return OperationLine(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        words=_plain(operation.get("description", "")),
        parameters=tuple(
            ParameterLine(
                name=one["name"],
                place=one["in"],
                type=_type(one["schema"]).removesuffix(" or null"),  # what is left out
                needed=one.get("required", False),
                words=_plain(one.get("description") or one["schema"].get("description", "")),
            )
            for one in operation.get("parameters", ())
        ),
        responses=tuple(
            ResponseLine(status=status, words=answer["description"], shape=_shape_of(answer))
            for status, answer in sorted(operation["responses"].items())
        ),
    )


def _shape_of(answer: dict[str, Any]) -> str:
    for content in answer.get("content", {}).values():
        return str(content["schema"].get("$ref", "")).rpartition("/")[2]
    return ""


def _shape(name: str, one: dict[str, Any]) -> ShapeLine:
    return ShapeLine(
        name=name,
        words=_plain(one.get("description", "")),
        fields=tuple(
            FieldLine(name=field, type=_type(of), words=_plain(of.get("description", "")))
            for field, of in one["properties"].items()
        ),
    )


def _type(of: dict[str, Any]) -> str:
    """Say a type in a few words."""
    if "$ref" in of:
        return str(of["$ref"]).rpartition("/")[2]
    if "anyOf" in of:
        parts = [_type(one) for one in of["anyOf"]]
        return " or ".join(sorted(parts, key=lambda one: one == "null"))
    if "enum" in of:
        return " | ".join(map(str, of["enum"]))
    if "const" in of:
        return str(of["const"])
    if of.get("type") == "array":
        return f"list of {_type(of['items'])}"
    return str(of.get("format") or of.get("type") or "anything")
