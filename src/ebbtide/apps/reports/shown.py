"""Measures as people read them: which there are, how each is written, and what a change of it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Generic, Literal, TypeVar

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.domain.measures import Sums, change
from ebbtide.web.context.insights import Shown
from ebbtide.web.templatetags.ebbtide import NOTHING, count, span

_PERCENT = 100
_MINUS = "\N{MINUS SIGN}"


Kind = Literal["count", "share", "seconds"]
Of = TypeVar("Of")
UNITS: Mapping[str, str] = {"count": "", "share": "_percent", "seconds": "_seconds"}
"""What a measure's name ends in at the head of a CSV."""


@dataclass(frozen=True, slots=True)
class Measure(Generic[Of]):
    """A measure of a report.

    Attributes:
        name: as in addresses and at the head of the CSV.
        label: as people know it.
        kind: a count, a share of 1, or seconds.
        of: gives its exact value; None where there is nothing to measure.
        good: which way is for the better: up (1), down (-1) or neither (0).
    """

    name: str
    label: Promise
    kind: Kind
    of: Callable[[Of], Fraction | int | None]
    good: int = 0


MEASURES: tuple[Measure[Sums], ...] = (
    Measure("offered", gettext_lazy("Offered"), "count", lambda sums: sums.offered),
    Measure("answered", gettext_lazy("Answered"), "count", lambda sums: sums.answered),
    Measure("abandoned", gettext_lazy("Abandoned"), "count", lambda sums: sums.abandoned, good=-1),
    Measure("flowed_out", gettext_lazy("Flowed out"), "count", lambda sums: sums.flowed_out),
    Measure("callbacks", gettext_lazy("Callbacks"), "count", lambda sums: sums.callbacks),
    Measure("service_level", gettext_lazy("Service level"), "share", lambda sums: sums.service_level, good=1),
    Measure("asa", gettext_lazy("ASA"), "seconds", lambda sums: sums.asa, good=-1),
    Measure("aht", gettext_lazy("AHT"), "seconds", lambda sums: sums.aht),
    Measure("longest_wait", gettext_lazy("Longest wait"), "seconds", lambda sums: sums.longest_s, good=-1),
    Measure("abandonment", gettext_lazy("Abandonment"), "share", lambda sums: sums.abandonment, good=-1),
)


def shown(sums: Sums | None, *, before: Sums | None = None, compared: Sums | None = None) -> tuple[Shown, ...]:
    """Write all measures of the summary of Qs; as `measured`."""
    return measured(MEASURES, sums, before=before, compared=compared)


def measured(
    measures: Sequence[Measure[Of]], sums: Of | None, *, before: Of | None = None, compared: Of | None = None
) -> tuple[Shown, ...]:
    """Write measures.

    Args:
        measures: which.
        sums: what they are of; None where the data is purged.
        before: what they are compared with; None for no comparison.
        compared: what is compared with it, where that is less than all there is; None for `sums`.
    """
    found = []
    if compared is None:
        compared = sums
    for measure in measures:
        value = None if sums is None else measure.of(sums)
        now = None if compared is None else measure.of(compared)
        text, up = _changed(measure, now, None if before is None else measure.of(before))
        better = None if not up or not measure.good else (up > 0) == (measure.good > 0)
        found.append(
            Shown(name=measure.name, label=str(measure.label), text=written(measure, value), change=text, better=better)
        )
    return tuple(found)


def written(measure: Measure[Any], value: Fraction | int | None) -> str:
    """Write a measure's value; an em dash for None."""
    if value is None:
        return NOTHING
    if measure.kind == "count":
        return count(int(value))
    return span(_rounded(value)) if measure.kind == "seconds" else percent(value)


def percent(share: Fraction | int | None, *, places: int = 1) -> str:
    """Write a share in percent, with so many decimals; an em dash for None."""
    if share is None:
        return NOTHING
    return f"{decimal(share * _PERCENT, places=places)}\N{NO-BREAK SPACE}%"


def decimal(value: Fraction | int, *, places: int) -> str:
    """Write a number, rounded half up, with so many decimals and digits grouped."""
    scale = 10**places
    exact = Decimal(_rounded(abs(value) * scale)) / scale
    sign = _MINUS if value < 0 and exact else ""
    return sign + number_format(exact, decimal_pos=places, force_grouping=True)


def exactly(measure: Measure[Of], sums: Of | None) -> Decimal | int | None:
    """Give a measure's value for sorting and for a spreadsheet: percent and seconds with two decimals."""
    return exact(measure, None if sums is None else measure.of(sums))


def exact(measure: Measure[Any], value: Fraction | int | None) -> Decimal | int | None:
    """Give a value of a measure as `exactly` does."""
    if value is None or isinstance(value, int):
        return value
    return Decimal(_rounded(value * (_PERCENT if measure.kind == "share" else 1) * 100)).scaleb(-2)


def _rounded(value: Fraction | int) -> int:
    return (2 * Fraction(value) + 1) // 2  # half up, as people do it by hand


def _changed(measure: Measure[Any], now: Fraction | int | None, before: Fraction | int | None) -> tuple[str, int]:
    """Write what has changed, and give its direction."""
    if now is None or before is None:
        return "", 0
    difference = Fraction(now - before)
    up = (difference > 0) - (difference < 0)
    sign = "+" if up > 0 else _MINUS if up < 0 else "±"
    if measure.kind == "share":
        return _("%(n)s points") % {"n": sign + decimal(abs(difference) * _PERCENT, places=1)}, up
    if measure.kind == "seconds":
        return sign + span(_rounded(abs(difference))), up
    grown = change(now, before)
    return ("", up) if grown is None else (sign + percent(abs(grown)), up)
