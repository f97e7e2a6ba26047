"""What programs are given: the shapes of the retrieval API's answers, from which its description is made."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from ninja import Field, Schema
from pydantic import PlainSerializer

Channel = Literal["voice", "chat", "email", "sms", "other"]
Direction = Literal["inbound", "outbound", "internal"]
Outcome = Literal["answered", "abandoned", "flowed_out", "callback"]
Recorded = Literal["audio", "desktop"]
Item = TypeVar("Item")


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_written, return_type=str, when_used="json")]
"""UTC, to the millisecond."""


class Queue(Schema):
    """A Q."""

    id: str = Field(..., examples=["que_12"])
    name: str


class Retained(Schema):
    """Since which day data of a Q is here: what is older was purged. Null: nothing of it ever was."""

    queue: Queue
    insights: date | None = Field(None, description="segments and interactions")
    audio: date | None = None
    transcript: date | None = None
    desktop: date | None = None


class Page(Schema, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(
        None,
        description="Address of the next page; null on the last one. A page may hold fewer items than were asked for, "
        "even none, and still have a next one.",
    )
    retained_since: list[Retained] = Field(..., description="Of each Q that was asked for.")


class Segment(Schema):
    """One visit of an interaction to a Q."""

    id: UUID = Field(..., description="Says nothing by itself; recordings and transcripts name it.")
    source_key: str = Field(..., description="As the telephone system names it.")
    interaction: str | None
    queue: Queue
    day: date = Field(..., description="Org-local date on which it ended; its retention counts from there.")
    channel: Channel
    direction: Direction | None
    customer: str | None
    agent: str | None
    queued_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None
    wait_s: int | None
    talk_s: int | None
    hold_s: int | None
    wrap_s: int | None
    outcome: Outcome | None
    transfer: str | None
    disposition: str | None
    attributes: dict[str, Any]


class Event(Schema):
    """Something that happened in a segment."""

    at: Instant
    kind: str


class SegmentWhole(Segment):
    """A segment with its timeline."""

    events: list[Event]


class Interaction(Schema):
    """What happened with one customer contact on one day."""

    interaction: str | None = Field(..., description="Null: its segment belongs to no interaction that has an id.")
    day: date = Field(..., description="One that went on past midnight is listed for each of its days.")
    segments: list[Segment]


class Recording(Schema):
    """A recording that is stored."""

    id: str = Field(..., examples=["rec_104"])
    kind: Recorded
    segment: UUID
    queue: Queue
    day: date
    bytes: int
    sha256: str = Field(..., description="Of its content, in hexadecimal.")
    stored_at: Instant
    content: str = Field(..., description="Address of its content.")


class Transcript(Schema):
    """A transcript that is stored."""

    id: str = Field(..., examples=["rec_105"])
    kind: Literal["transcript"]
    segment: UUID
    queue: Queue
    day: date
    bytes: int
    sha256: str = Field(..., description="Of its content, in hexadecimal.")
    stored_at: Instant
    content: str = Field(..., description="Address of its content.")


class Whoami(Schema):
    """Whose token it is, and what it may do."""

    organization: str = Field(..., examples=["org_7"])
    name: str
    zone: str = Field(..., description="IANA time zone in which days are counted.")
    token: str = Field(..., examples=["tok_3"])
    scopes: list[Literal["segments", "recordings", "transcripts"]]


class Wrong(Schema):
    """One parameter that cannot be used."""

    field: str
    message: str


class Problem(Schema):
    """Why something did not work (RFC 9457), as `application/problem+json`."""

    type: str = Field(..., examples=["urn:ebbtide:error:token_refused"])
    title: str
    status: int
    code: str = Field(..., description="What programs may rely on.", examples=["token_refused"])
    detail: str = Field(..., description="One sentence for a person.")
    field: str | None = None
    errors: list[Wrong] | None = None
    retained_since: date | None = Field(None, description="With 410: since which day data of its Q is here.")


REFUSED: dict[int, Any] = {401: Problem, 403: Problem, 422: Problem, 429: Problem, 503: Problem}
"""What any request may be answered instead, by status."""
REFUSED_OR_MISSING: dict[int, Any] = {**REFUSED, 404: Problem}
