"""Which interactions are wanted, read from an address."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.http import QueryDict
from django.utils.translation import gettext as _

from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.domain.period import Period, Span, custom, period
from ebbtide.web.context.interactions import CHANNELS, OUTCOMES, SoughtForm, Wrong

_DEFAULT = Span.WEEK
_ROLLING = {Span.WEEK, Span.FOUR_WEEKS}
_LONGEST_TEXT = 200
_MOST_SECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which segments are wanted; empty strings, None and empty sets narrow nothing.

    Attributes:
        period: org-local days on which they ended.
        queues: numbers of Qs.
        channel, outcome: as stored.
        agent: as the source names them.
        customer: address, whole.
        shortest, longest: seconds from entering the Q to hanging up, both included.
        text: words of the transcript, all of which were said.
    """

    period: Period
    queues: frozenset[int] = frozenset()
    channel: str = ""
    outcome: str = ""
    agent: str = ""
    customer: str = ""
    shortest: int | None = None
    longest: int | None = None
    text: str = ""


def sought(query: QueryDict, *, today: date, known: Collection[int]) -> tuple[Sought, SoughtForm]:
    """Read what is wanted, and the same as it stands in the form.

    What cannot be read is told at its field, and narrows nothing.

    Args:
        query: of the address.
        today: the org-local date.
        known: numbers of the organization's Qs.

    Raises:
        InputInvalid: there is no such range, channel or outcome.
        NotYours: there is no such Q here.
    """
    span, wrong = _span(query.get("range", "")), dict[str, str]()
    since, until = (query.get(name, "").strip()[:20] for name in ("since", "until"))
    days = _days(_DEFAULT, today=today)
    if span is Span.CUSTOM:
        try:
            days = custom(parse_day(since, field="since"), parse_day(until, field="until"), today=today)
        except InputInvalid as exc:
            wrong["range"] = exc.message
    else:
        days = _days(span, today=today)
        since, until = days.first.isoformat(), days.last.isoformat()
    texts = {name: _text(query, name, wrong=wrong) for name in ("agent", "customer", "text")}
    given = Sought(
        period=days,
        queues=frozenset(_queue(text, known=known) for text in query.getlist("q") if text),
        channel=_one_of(query, "channel", words=CHANNELS),
        outcome=_one_of(query, "outcome", words=OUTCOMES),
        shortest=_seconds(query, "shortest", wrong=wrong),
        longest=_seconds(query, "longest", wrong=wrong),
        **texts,
    )
    form = SoughtForm(
        span=span,
        since=since,
        until=until,
        queues=given.queues,
        channel=given.channel,
        outcome=given.outcome,
        agent=query.get("agent", "")[:_LONGEST_TEXT],
        customer=query.get("customer", "")[:_LONGEST_TEXT],
        text=query.get("text", "")[:_LONGEST_TEXT],
        shortest=query.get("shortest", "")[:20],
        longest=query.get("longest", "")[:20],
        wrong=Wrong(**wrong),
    )
    return given, form


def _days(span: Span, *, today: date) -> Period:
    """Give the days of a range; those that roll reach up to now, for what is looked for has often just happened."""
    found = period(span, today=today)
    return Period(found.first, today) if span in _ROLLING else found


def _span(text: str) -> Span:
    try:
        return Span(text or _DEFAULT)
    except ValueError as exc:
        raise InputInvalid(f"There is no range {text[:40]!r}: choose one of {', '.join(Span)}.", field="range") from exc


def _one_of(query: QueryDict, name: str, *, words: Collection[str]) -> str:
    text = query.get(name, "").strip()
    if text and text not in words:
        raise InputInvalid(f"There is no {name} {text[:40]!r}: choose one of {', '.join(words)}.", field=name)
    return text


def _queue(text: str, *, known: Collection[int]) -> int:
    number = parse_id("que", text)
    if number not in known:
        raise not_found("que", text)
    return number


def _text(query: QueryDict, name: str, *, wrong: dict[str, str]) -> str:
    text = query.get(name, "").strip()
    if not text:
        return ""
    if len(text) > _LONGEST_TEXT:
        wrong[name] = _("Give at most %(n)d characters.") % {"n": _LONGEST_TEXT}
    elif not text.isprintable():
        wrong[name] = _("This holds a character that cannot be seen: type it, or copy it anew.")
    else:
        return text
    return ""


def _seconds(query: QueryDict, name: str, *, wrong: dict[str, str]) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_MOST_SECONDS)) or int(text) > _MOST_SECONDS:
        wrong[name] = _("Give whole seconds, at most %(n)d.") % {"n": _MOST_SECONDS}
        return None
    return int(text)
