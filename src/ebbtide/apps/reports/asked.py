"""What is asked of a report, read from its address."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.http import QueryDict

from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.domain.period import Period, Span, before, custom, period
from ebbtide.web.context.insights import ReportChosen, Unit

CHANNELS = ("voice", "chat", "email", "sms", "other")
_DEFAULT = Span.FOUR_WEEKS
_LONGEST: dict[Unit, int] = {"hour": 31, "day": 400, "week": 2_000, "month": 2_000}
"""Days in the longest period that is cut into such intervals."""
_USUAL: tuple[tuple[int, Unit], ...] = ((2, "hour"), (45, "day"), (190, "week"))
"""Up to so many days, a period is cut like that unless somebody asks for something else; a longer one into months."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAsked:
    """A report that is wanted.

    Attributes:
        period, before: the days, and those they are compared with.
        unit: of the intervals.
        queues: numbers of the Qs; empty for all.
        channel: empty for all.
        chosen: the same as it stands in the form.
    """

    period: Period
    before: Period
    unit: Unit
    queues: frozenset[int]
    channel: str
    chosen: ReportChosen


def report_asked(query: QueryDict, *, today: date, known: Collection[int]) -> ReportAsked:
    """Read it from the address. A custom range that will not do is told in the form, beside the usual report.

    Args:
        query: of the address.
        today: the org-local date.
        known: numbers of the organization's Qs.

    Raises:
        InputInvalid: there is no such range, interval or channel.
        NotYours: there is no such Q here.
    """
    span, wrong = _span(query.get("range", "")), ""
    since, until = query.get("since", "").strip()[:20], query.get("until", "").strip()[:20]
    if span is Span.CUSTOM:
        try:
            chosen = custom(parse_day(since, field="since"), parse_day(until, field="until"), today=today)
        except InputInvalid as exc:
            wrong, chosen = exc.message, period(_DEFAULT, today=today)
    else:
        chosen = period(span, today=today)
    units = tuple(unit for unit, longest in _LONGEST.items() if chosen.days <= longest)
    unit = _unit(query.get("by", ""), units=units, days=chosen.days)
    channel = query.get("channel", "")
    if channel not in {"", *CHANNELS}:
        raise InputInvalid(
            f"There is no channel {channel[:40]!r}: choose one of {', '.join(CHANNELS)}.", field="channel"
        )
    queues = frozenset(_queue(text, known=known) for text in query.getlist("q") if text)
    return ReportAsked(
        period=chosen,
        before=before(span, chosen),
        unit=unit,
        queues=queues,
        channel=channel,
        chosen=ReportChosen(
            span=span,
            since=since if span is Span.CUSTOM else chosen.first.isoformat(),
            until=until if span is Span.CUSTOM else chosen.last.isoformat(),
            by=unit if query.get("by", "") == unit else "",
            unit=unit,
            units=units,
            queues=queues,
            channel=channel,
            wrong=wrong,
        ),
    )


def _span(text: str) -> Span:
    try:
        return Span(text or _DEFAULT)
    except ValueError as exc:
        raise InputInvalid(f"There is no range {text[:40]!r}: choose one of {', '.join(Span)}.", field="range") from exc


def _unit(text: str, *, units: tuple[Unit, ...], days: int) -> Unit:
    """Give the interval asked for; the usual one where none is, or where it would make too many."""
    for unit in _LONGEST:
        if unit == text and unit in units:
            return unit
    if text and text not in _LONGEST:
        raise InputInvalid(f"There is no interval {text[:40]!r}: choose one of {', '.join(_LONGEST)}.", field="by")
    return next((unit for longest, unit in _USUAL if days <= longest), "month")


def _queue(text: str, *, known: Collection[int]) -> int:
    number = parse_id("que", text)
    if number not in known:
        raise not_found("que", text)
    return number
