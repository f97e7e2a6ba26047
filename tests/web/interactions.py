"""Made-up but believable data for the pages of interactions."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from ebbtide.apps.interactions.tables import INTERACTIONS
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.domain.period import Period, Span
from ebbtide.web.charts.timeline import Stretch, timeline
from ebbtide.web.charts.waveform import waveform
from ebbtide.web.context.interactions import (
    EventLine,
    InteractionLine,
    InteractionPage,
    InteractionsPage,
    RecordingLine,
    RowDetail,
    SegmentDetail,
    SoughtForm,
    TranscriptPage,
    TranscriptPart,
    TurnLine,
    WaveformPage,
    Wrong,
)
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.context.why import PurgeLine, SegmentAnswer, TypeAnswer

from .account_samples import listed
from .samples import NOW, frame

SALES, FAX = QueueLine(id=1, name="Sales <EU>"), QueueLine(id=2, name="Fax", archived=True)
DAY = date(2026, 11, 20)
START = NOW - timedelta(days=3)
CALL, NEXT, GONE = UUID(int=0xA1), UUID(int=0xA2), UUID(int=0xA3)
JOB = JobLine(id=12, type=JobType.QUEUE, what=What.DESKTOP, days=30, queues=(SALES,))
PURGE = PurgeLine(run=902, job=JOB, at=NOW - timedelta(days=1), items=4)


def line(number: UUID = CALL, **more: Any) -> InteractionLine:
    return InteractionLine(id=number, queue=SALES, day=DAY, start=START, channel="voice", **more)


FULL = line(
    customer="+49 30 123 <4>", agent="Bob Bäcker", outcome="answered", wait_s=12, talk_s=3_725, hold_s=0,
    media=(DataType.AUDIO, DataType.TRANSCRIPT),
)  # fmt: skip
ROW = RowDetail(
    (("campaign", "Autumn <b>"), ("", "bare")), START, START, START + timedelta(seconds=12), START + timedelta(hours=1),
    12, 3_725, 40, 90, "voice", "inbound", "answered", "+49 30 1234", "Bob", "Support", "Sold", "call-1", "int-1",
)  # fmt: skip
HERE = tuple(TypeAnswer(data_type=kind, state="here", items=1, bytes=9_000) for kind in DataType)
PARTS = (
    RecordingLine(id=7, data_type=DataType.AUDIO, bytes=48_000),
    RecordingLine(id=8, data_type=DataType.TRANSCRIPT, bytes=900),
    RecordingLine(id=9, data_type=DataType.DESKTOP, bytes=48_000),
)


def answer(number: UUID, state: Any, **more: Any) -> SegmentAnswer:
    return SegmentAnswer(id=str(number), found_by="segment", state=state, queue=SALES, day=DAY, **more)


WHOLE = SegmentDetail(
    answer=answer(CALL, "here", types=HERE),
    asked=True,
    row=ROW,
    events=(EventLine(at=START, kind="queued"), EventLine(at=START, kind="ivr_<entered>")),
    recordings=PARTS,
)
PARTLY = SegmentDetail(
    answer=answer(
        NEXT, "partly", types=(*HERE[:3], TypeAnswer(data_type=DataType.DESKTOP, state="gone", purges=(PURGE,)))
    ),
    asked=False,
    row=ROW,
)
PURGED = SegmentDetail(
    answer=answer(
        GONE, "gone", types=(TypeAnswer(data_type=DataType.INSIGHTS, state="gone", purges=(PURGE,)), *HERE[1:1])
    ),
    asked=True,
)
PAGE = InteractionPage(
    segment=str(CALL),
    segments=(WHOLE, PARTLY),
    timeline=timeline([Stretch(START, (("wait", 12), ("talk", 3_725), ("hold", 0), ("wrap", 90)))] * 2),
    more=True,
    may_listen=True,
    may_download=True,
    may_see_runs=True,
)
LIST = InteractionsPage(
    form=SoughtForm(span=Span.WEEK),
    period=Period(date(2026, 11, 16), date(2026, 11, 23)),
    lines=listed(INTERACTIONS, [FULL, line(NEXT)]),
    queues=(SALES, FAX),
    may_read=True,
)


def interaction_samples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case: name -> (template, context)."""

    def one(page: InteractionPage) -> tuple[str, dict[str, Any]]:
        return "pages/interaction.html", {"frame": frame(), "page": page}

    def many(**more: Any) -> tuple[str, dict[str, Any]]:
        return "pages/interactions.html", {"frame": frame(), "page": replace(LIST, **more)}

    def said(*parts: TranscriptPart) -> tuple[str, dict[str, Any]]:
        return "pages/transcript.html", {"frame": frame(), "page": TranscriptPage(segment=str(CALL), parts=parts)}

    def wave(**more: Any) -> tuple[str, dict[str, Any]]:
        return "components/waveform.html", {"page": WaveformPage(recording=7, **more)}

    nothing = listed(INTERACTIONS, [])
    wrong = SoughtForm(
        span=Span.CUSTOM, since="x", agent="A", shortest="long",
        wrong=Wrong(range="'x' is not a date.", shortest="Give whole seconds.", agent="Too long."),
    )  # fmt: skip
    undatable = SegmentDetail(
        answer=SegmentAnswer(id=str(CALL), found_by="segment", state="undatable", reason="no instant"), asked=True
    )
    late = SegmentDetail(answer=answer(NEXT, "late"), asked=True)
    lost = SegmentDetail(answer=answer(GONE, "lost"), asked=True)
    return {
        "interactions": many(),
        "interactions-empty": many(lines=nothing, empty=True),
        "interactions-unfound": many(lines=nothing),
        "interactions-reached": many(lines=nothing, reached=DAY, onward="calls.after=x"),
        "interactions-purged": many(purged=((SALES, DAY), *((replace(FAX, id=n), DAY) for n in range(3, 12)))),
        "interactions-waiting": many(waiting=1_234),
        "interactions-may-not-read": many(may_read=False),
        "interactions-wrong": many(form=wrong),
        "interaction": one(PAGE),
        "interaction-purged": one(
            replace(PAGE, segments=(PURGED,), timeline=None, more=False, may_see_runs=False, may_listen=False)
        ),
        "interaction-aside": one(replace(PAGE, segments=(undatable, late, lost), timeline=None)),
        "transcript": said(
            TranscriptPart(
                id=8,
                too_long=False,
                turns=(
                    TurnLine(start_ms=0, end_ms=900, speaker="agent", text="Good <morning>."),
                    TurnLine(start_ms=None, end_ms=None, speaker="", text="Hello."),
                ),
            ),
            TranscriptPart(id=9, too_long=True, turns=()),
            TranscriptPart(id=10, too_long=False, turns=()),
        ),
        "transcript-none": said(),
        "waveform": wave(chart=waveform([0.1, 1.0, 0.0], 12.5)),
        "waveform-busy": wave(busy=True),
        "waveform-none": wave(),
        "interaction-listen": one(replace(PAGE, may_download=False)),
    }
