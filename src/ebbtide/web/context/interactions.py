"""What the pages of interactions are given."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.domain.cell import DataType
from ebbtide.domain.period import Period, Span
from ebbtide.web.charts.timeline import Timeline
from ebbtide.web.charts.waveform import Waveform
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.context.why import SegmentAnswer
from ebbtide.web.listing import Listing

CHANNELS = ("voice", "chat", "email", "sms", "other")
OUTCOMES = ("answered", "abandoned", "flowed_out", "callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with each field, as people read it; empty where nothing is."""

    range: str = ""
    agent: str = ""
    customer: str = ""
    text: str = ""
    shortest: str = ""
    longest: str = ""

    @property
    def anything(self) -> bool:
        """Whether any field is wrong."""
        return self != Wrong()


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtForm:
    """What is looked for, as it stands in the form; `wrong` says at which field what cannot be read."""

    span: Span
    since: str = ""
    until: str = ""
    queues: frozenset[int] = frozenset()
    channel: str = ""
    outcome: str = ""
    agent: str = ""
    customer: str = ""
    text: str = ""
    shortest: str = ""
    longest: str = ""
    wrong: Wrong = Wrong()


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionLine:
    """One segment in the list.

    Attributes:
        id: the segment's.
        queue: its Q.
        day: org-local day on which it ended.
        start: aware instant.
        channel, direction, customer, agent, outcome, interaction: as stored; empty where they are not known.
        wait_s, talk_s, hold_s: seconds; None where they are not known.
        media: what is stored of it beside its row.
    """

    id: uuid.UUID
    queue: QueueLine
    day: date
    start: datetime
    channel: str
    direction: str = ""
    customer: str = ""
    agent: str = ""
    outcome: str = ""
    interaction: str = ""
    wait_s: int | None = None
    talk_s: int | None = None
    hold_s: int | None = None
    media: tuple[DataType, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionsPage:
    """`pages/interactions.html`, as `page`.

    Attributes:
        form: what is looked for.
        period: the days looked at.
        lines: a page of what was found.
        queues: every Q.
        reached: the day up to which was looked, where the page stopped before the range did; None where it did not.
        onward: the query that goes on from there.
        purged: Qs of which rows in the range are purged, each with the first day left.
        empty: whether there are no report rows at all.
        may_read: whether the person may search what was said.
        waiting: transcripts in the range whose words are not indexed yet.
        channels, outcomes: to choose from.
    """

    form: SoughtForm
    period: Period
    lines: Listing[InteractionLine]
    queues: tuple[QueueLine, ...]
    reached: date | None = None
    onward: str = ""
    purged: tuple[tuple[QueueLine, date], ...] = ()
    empty: bool = False
    may_read: bool = False
    waiting: int = 0
    channels: tuple[str, ...] = CHANNELS
    outcomes: tuple[str, ...] = OUTCOMES


@dataclass(frozen=True, slots=True)
class RowDetail:
    """A segment's row, whole: aware instants, seconds, texts as stored; empty or None where something is not known."""

    attributes: tuple[tuple[str, str], ...]
    start: datetime | None
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    wait_s: int | None
    talk_s: int | None
    hold_s: int | None
    wrap_s: int | None
    channel: str
    direction: str
    outcome: str
    customer: str
    agent: str
    transfer: str
    disposition: str
    source_key: str
    interaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """An event: what, and at which aware instant."""

    at: datetime
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLine:
    """A recording or transcript.

    Attributes:
        id: its number.
        data_type: audio, transcript or desktop.
        bytes: its size.
    """

    id: int
    data_type: DataType
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDetail:
    """A segment of an interaction.

    Attributes:
        answer: where each of its data types stands, and by whom what is gone was purged.
        asked: whether it is the one whose address was opened.
        row: None where it is not here.
        events, recordings: in their order.
    """

    answer: SegmentAnswer
    asked: bool
    row: RowDetail | None = None
    events: tuple[EventLine, ...] = ()
    recordings: tuple[RecordingLine, ...] = ()

    @property
    def audio(self) -> tuple[RecordingLine, ...]:
        """Its audio recordings."""
        return tuple(one for one in self.recordings if one.data_type is DataType.AUDIO)

    @property
    def desktop(self) -> tuple[RecordingLine, ...]:
        """Its desktop recordings."""
        return tuple(one for one in self.recordings if one.data_type is DataType.DESKTOP)

    @property
    def transcripts(self) -> tuple[RecordingLine, ...]:
        """Its transcripts."""
        return tuple(one for one in self.recordings if one.data_type is DataType.TRANSCRIPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionPage:
    """`pages/interaction.html`, as `page`.

    Attributes:
        segment: id of the segment whose address was opened.
        segments: of its interaction, in the order they began; those without a row last.
        timeline: their stretches; None where none has a beginning.
        more: whether the interaction has more segments than are shown.
        may_listen, may_download: what the person may do with recordings.
        may_see_runs: whether they may follow links to runs.
    """

    segment: str
    segments: tuple[SegmentDetail, ...]
    timeline: Timeline | None
    more: bool
    may_listen: bool
    may_download: bool
    may_see_runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveformPage:
    """`components/waveform.html`, as `page`: of which recording; None where it cannot be drawn, or not just now."""

    recording: int
    chart: Waveform | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    """What somebody said: milliseconds from the beginning (None where not known), who, what."""

    start_ms: int | None
    end_ms: int | None
    speaker: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPart:
    """One transcript; `too_long` where it is not shown for its length."""

    id: int
    too_long: bool
    turns: tuple[TurnLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """`pages/transcript.html`, as `page`: the transcripts of a segment."""

    segment: str
    parts: tuple[TranscriptPart, ...]
