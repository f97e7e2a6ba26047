"""How amounts, GB-months and decimal gigabytes look on a page: exact, never through a floating-point number."""

from datetime import date
from decimal import Decimal

from django import template
from django.utils import dateformat
from django.utils.formats import number_format

from ebbtide.domain.billing import MINOR_UNITS, Money, Month

register = template.Library()

NOTHING = "\N{EM DASH}"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@register.filter
def money(value: Money | None) -> str:
    """Write an amount with its currency, digits grouped; an em dash for None, which is not zero."""
    if value is None:
        return NOTHING
    shown = number_format(value.amount, decimal_pos=MINOR_UNITS[value.currency], force_grouping=True)
    return f"{shown}\N{NO-BREAK SPACE}{value.currency}"


@register.filter
def amount(value: Money | None) -> str:
    """Write an amount without its currency, where the column says it."""
    if value is None:
        return NOTHING
    return number_format(value.amount, decimal_pos=MINOR_UNITS[value.currency], force_grouping=True)


@register.filter
def quantity(value: Decimal | None) -> str:
    """Write GB-months with all six decimals."""
    return NOTHING if value is None else number_format(value, decimal_pos=6, force_grouping=True)


@register.filter
def price(value: Decimal | None) -> str:
    """Write a price with the decimals it was given, at least two."""
    if value is None:
        return NOTHING
    exponent = value.as_tuple().exponent
    return number_format(value, decimal_pos=max(2, -int(exponent)), force_grouping=True)


@register.filter
def decimal_bytes(value: int | None) -> str:
    """Write bytes in decimal units, in which storage is billed: 1 GB is 1,000,000,000 bytes."""
    if value is None:
        return NOTHING
    unit = 0
    while unit < len(_UNITS) - 1 and abs(value) >= 1000 ** (unit + 1):
        unit += 1
    if unit == 0:
        return f"{number_format(value, decimal_pos=0, force_grouping=True)}\N{NO-BREAK SPACE}B"
    hundredths = Decimal(round(value * 100 / 1000**unit)).scaleb(-2)
    decimals = 0 if hundredths % 1 == 0 else 2
    return f"{number_format(hundredths, decimal_pos=decimals, force_grouping=True)}\N{NO-BREAK SPACE}{_UNITS[unit]}"


@register.filter
def month(value: Month | date) -> str:
    """Name a month: November 2026."""
    return dateformat.format(value.first if isinstance(value, Month) else value, "F Y")
