"""What programs ask for: filters and places, read strictly, because a filter that is not understood gives too much."""

import base64
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import BeforeValidator

from ebbtide.apps.retrieval.shapes import Channel, Outcome, Recorded
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid

MOST = 1000
USUAL = 100
MOST_QUEUES = 200
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _day(value: object) -> object:
    """Take dates as YYYY-MM-DD alone."""
    if not isinstance(value, str):
        return value
    try:
        return parse_day(value, field="day")
    except InputInvalid as exc:
        raise ValueError(exc.message) from exc


def _uuid(value: object) -> object:
    """Take ids as they were given: small letters, with dashes."""
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise ValueError("it is not an id as lists give it.")
    return value


Day = Annotated[date, BeforeValidator(_day)]
SegmentId = Annotated[UUID, BeforeValidator(_uuid)]
QueueName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"\S")]


class Filters(Schema):
    """What narrows every list; what is left out narrows nothing."""

    queue: list[QueueName] = Field(
        default_factory=list, max_length=MOST_QUEUES, description="Id or name of a Q; may come several times."
    )
    since: Day | None = Field(None, description="First org-local day (YYYY-MM-DD).")
    until: Day | None = Field(None, description="Last org-local day, included.")
    agent: str | None = Field(None, min_length=1, max_length=400, pattern=_PRINTABLE, description="Exactly.")
    channel: Channel | None = None
    outcome: Outcome | None = None
    limit: int = Field(USUAL, ge=1, le=MOST, description="Items a page.")
    after: str | None = Field(
        None, min_length=1, max_length=2000, description="Where the page begins; stands in `next`, made up by nobody."
    )


class SegmentFilters(Filters):
    """What narrows lists of segments and interactions."""

    interaction: str | None = Field(None, min_length=1, max_length=400, pattern=_PRINTABLE, description="Exactly.")


class MediaFilters(Filters):
    """What narrows lists of recordings and transcripts."""

    segment: SegmentId | None = Field(None, description="Those of one segment.")


class RecordingFilters(MediaFilters):
    """What narrows lists of recordings."""

    kind: Recorded | None = None


def refuse_unknown(request: HttpRequest, *, known: type[Schema]) -> None:
    """Refuse parameters that are not there: a filter that is misspelt would be none.

    Raises:
        InputInvalid: one of them is unknown.
    """
    for name in request.GET:
        if name not in known.model_fields:
            raise InputInvalid(
                f"There is no parameter {name[:60]!r}: use {', '.join(known.model_fields)}.", field=name[:60]
            )
        if name != "queue" and len(request.GET.getlist(name)) > 1:
            raise InputInvalid(f"{name} may come once.", field=name)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind a key of a day, or behind the whole day where there is none."""

    day: date
    key: tuple[Any, ...]

    def written(self) -> str:
        """Write it for an address."""
        text = json.dumps([self.day.isoformat(), *self.key], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_place(text: str | None, *, kinds: Collection[type]) -> Place | None:
    """Read a place.

    Args:
        text: as `Place.written` wrote it; None at the beginning.
        kinds: what the parts of its key are.

    Raises:
        InputInvalid: it is none of this list's.
    """
    if text is None:
        return None
    wrong = InputInvalid("This is no place of this list: take `next` as it was given.", field="after")
    try:
        parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        day, *key = parts
        found = Place(parse_day(day, field="after"), tuple(key))
    except (ValueError, TypeError, InputInvalid) as exc:
        raise wrong from exc
    if key and [type(part) for part in key] != list(kinds):
        raise wrong
    if any(isinstance(part, int) and not 0 <= part < 2**31 for part in key[:1]) or "\0" in text:
        raise wrong
    return found
