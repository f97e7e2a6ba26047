"""A statement as PDF, set by typst from its template; the same statement gives the same bytes.

Everything is handed over as text that is ready to print: nothing is reckoned or rounded in the template. The fonts come
with typst; those of the system are used for letters that they lack.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import typst
from django.utils import dateformat
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ebbtide.domain.cell import DataType
from ebbtide.web.context.costs import ShareLine, StatementBody
from ebbtide.web.templatetags.ebbtide import data_type
from ebbtide.web.templatetags.money import amount, money, month, price, quantity

_TEMPLATE = Path(__file__).parent / "typst" / "statement.typ"


def statement_pdf(
    body: StatementBody, *, shares: Sequence[ShareLine], org_name: str, org_id: str, zone: str, sha256: str
) -> bytes:
    """Set a statement.

    Args:
        body: its figures.
        shares: by Q and data type.
        org_name: of the organization.
        org_id: its public id.
        zone: its IANA time zone.
        sha256: of the closed statement, in hex; empty while the month runs.
    """
    told = {
        "lang": (get_language() or "en").partition("-")[0],
        "kicker": _("Storage statement"),
        "title": month(body.month),
        "footer": f"{org_name} · {month(body.month)}",
        "facts": _facts(body, org_name=org_name, org_id=org_id, zone=zone),
        "total_label": _("Total") if body.closed_at is not None else _("So far"),
        "total": money(body.total),
        "preview": "" if body.closed_at is not None else _preview(body),
        "lines_title": _("By data type"),
        "lines_head": [
            _("Data type"),
            _("GB-months at rest"),
            _("included"),
            _("billed"),
            _("price"),
            _("amount") if body.currency is None else _("amount, %(currency)s") % {"currency": body.currency},
        ],
        "lines": [
            [
                data_type(line.data_type)
                + (
                    ""
                    if line.included_days is None
                    else " " + _("(free to %(days)s days)") % {"days": line.included_days}
                ),
                quantity(line.stored),
                quantity(line.included),
                quantity(line.quantity),
                price(line.price),
                amount(line.amount),
            ]
            for line in body.lines
        ],
        "sum": [
            _("Total"),
            quantity(body.stored),
            quantity(body.included),
            quantity(body.quantity),
            "",
            amount(body.total),
        ],
        "shares_title": _("By Q"),
        "shares_head": [_("byte-days at rest"), _("GB-months billed"), _("amount")],
        "shares": _groups(body, shares),
        "rules_title": _("How this is reckoned"),
        "rules": rules(body),
        "hash_label": _("SHA-256 of the statement as it was closed:"),
        "hash": sha256,
    }
    set_: bytes = typst.compile(str(_TEMPLATE), sys_inputs={"data": json.dumps(told)})
    return set_


def _facts(body: StatementBody, *, org_name: str, org_id: str, zone: str) -> list[list[str]]:
    dates = f"{dateformat.format(body.month.first, 'j M Y')} \N{EN DASH} {dateformat.format(body.through, 'j M Y')}"
    facts = [
        [_("Organization"), f"{org_name} ({org_id})"],
        [_("Dates"), f"{dates}, {zone}"],
    ]
    if body.closed_at is not None:
        facts.append([_("Closed"), dateformat.format(body.closed_at, "j M Y, H:i") + " UTC"])
    return facts


def _preview(body: StatementBody) -> str:
    return _("Preview: %(counted)s of %(days)s days are metered. The month is closed when all of them are.") % {
        "counted": body.days_counted,
        "days": body.month.days,
    }


def _groups(body: StatementBody, shares: Sequence[ShareLine]) -> list[dict[str, object]]:
    by_type: dict[DataType, list[ShareLine]] = defaultdict(list)
    for share in shares:
        by_type[share.data_type].append(share)
    return [
        {
            "name": data_type(line.data_type),
            "rows": [
                [one.queue.name, f"{one.byte_days:,}", quantity(one.quantity), amount(one.amount)]
                for one in sorted(by_type[line.data_type], key=lambda one: one.queue.name.casefold())
            ],
            "sum": [
                _("Total"),
                f"{sum(one.byte_days for one in by_type[line.data_type]):,}",
                quantity(line.quantity),
                amount(line.amount),
            ],
        }
        for line in body.lines
        if by_type[line.data_type]
    ]


def rules(body: StatementBody) -> list[str]:
    """Say how a statement is reckoned, in the words of its own month."""
    told = [
        _(
            "What is at rest at the start of a date, in the organization's time, is billed for that date: what is "
            "purged on a date is billed for it and not after, what arrives on a date from the next."
        ),
        _(
            "GB-months: the bytes of all dates added up, divided by the %(days)s days of the month and by "
            "1,000,000,000, rounded half to even to six decimals."
        )
        % {"days": body.month.days},
        _(
            "Amount: GB-months times price, rounded half to even to the currency's smallest unit. The total is the sum "
            "of the lines."
        ),
        _("What each Q has of a line is shared out so that the Qs add up to the line exactly."),
    ]
    if body.currency is None:
        told.append(_("No rate card was in force: nothing has a price."))
    elif any(line.included_days is not None for line in body.lines):
        told.append(_("Data up to the age given in days costs nothing. Desktop recordings are always billed."))
    else:
        told.append(_("No data is included. Desktop recordings are always billed."))
    return told
