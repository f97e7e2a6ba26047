"""The operator's page of rate cards: history, and what a card would have made of the last month.

Every function expects an open transaction as the platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connections
from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ebbtide.apps.billing import selectors
from ebbtide.apps.billing.models import ClosedStatement, RateCardVersion
from ebbtide.apps.billing.pages import price_lines
from ebbtide.apps.orgs.database import WEB
from ebbtide.domain import billing
from ebbtide.domain.billing import Money, Month, RateCard, gb_months, month_of
from ebbtide.domain.cell import DataType
from ebbtide.web.context.costs import CardLine, Effect, EffectLine, RateCardPage
from ebbtide.web.listing import Asked, Column, Table, list_query


def _price_column(kind: DataType, label: Promise) -> Column[CardLine]:
    def value(row: CardLine) -> str | None:
        return next((f"{line.price:f}" for line in row.prices if line.data_type is kind), None)

    return Column(name=f"price_{kind}", label=label, value=value, number=True, sortable=False)


CARDS: Table[CardLine] = Table(
    name="cards",
    columns=(
        Column(name="from", label=gettext_lazy("In force from"), value=lambda row: str(row.month), field="month"),
        Column(name="made", label=gettext_lazy("Set"), value=lambda row: row.made_at, field="id"),
        Column(name="for", label=gettext_lazy("For"), value=lambda row: row.org, field="whose"),
        Column(name="currency", label=gettext_lazy("Currency"), value=lambda row: row.currency, sortable=False),
        _price_column(DataType.INSIGHTS, gettext_lazy("Reporting data")),
        _price_column(DataType.AUDIO, gettext_lazy("Audio")),
        _price_column(DataType.TRANSCRIPT, gettext_lazy("Transcripts")),
        _price_column(DataType.DESKTOP, gettext_lazy("Desktop")),
        Column(name="by", label=gettext_lazy("By"), value=lambda row: row.made_by, field="made_by"),
    ),
    sort="-made",
    fields=("org__name", "made_by", "note"),
    size=25,
)


def versions() -> QuerySet[RateCardVersion]:
    """Give every version there is, with its organization's name."""
    return RateCardVersion.objects.select_related("org").annotate(
        whose=Coalesce(F("org__name"), Value(""), output_field=TextField())
    )


def card_lines(rows: Sequence[RateCardVersion], *, month: Month) -> list[CardLine]:
    """Tell versions as the history shows them."""
    decided = _in_force({row.org_id for row in rows}, month=month)
    return [
        CardLine(
            id=row.id,
            month=month_of(row.month),
            org="" if row.org is None else row.org.name,
            currency=row.currency,
            prices=price_lines(row),
            made_at=row.made_at,
            made_by=row.made_by,
            note=row.note,
            in_force=row.id in decided,
        )
        for row in rows
    ]


def _in_force(orgs: set[int | None], *, month: Month) -> set[int]:
    """Find the versions that decide in a month: the newest of each organization, and of the platform."""
    rows = RateCardVersion.objects.filter(
        Q(org_id__in=[one for one in orgs if one is not None]) | Q(org_id=None), month__lte=month.first
    )
    newest = dict(rows.order_by("month", "id").values_list("org_id", "id"))
    return set(newest.values())


def rate_card_page(
    *, now: datetime, asked: Asked, effect: Effect | None = None, nothing_closed: bool = False
) -> RateCardPage:
    """Give the page of rate cards.

    Args:
        now: the request's moment.
        asked: of the history.
        effect: what the card in the form would have made of the last month, where that was asked.
        nothing_closed: whether it was asked, and there is nothing to reckon with.
    """
    month = month_of(now.date())
    current = selectors.card_version_for(org=None, month=month)
    return RateCardPage(
        month=month,
        current=None if current is None else card_lines([current], month=month)[0],
        effect=effect,
        nothing_closed=nothing_closed,
        history=list_query(CARDS, versions(), asked=asked, lines=lambda rows: card_lines(rows, month=month)),
        currencies=tuple(billing.MINOR_UNITS),
    )


@dataclass(frozen=True, slots=True)
class _Sum:
    """Byte-days of one organization and data type."""

    org: int
    data_type: DataType
    billed: int


def effect_on(card: RateCard, *, month: Month, org: int | None) -> Effect | None:
    """Reckon what a card would have made of a closed month; None where no statement of it is closed.

    Args:
        card: the card to try.
        month: a month that is over.
        org: for this organization alone; None: for all that had no card of their own then.
    """
    rows = ClosedStatement.objects.filter(month=month.first)
    rows = rows.filter(org_id=org) if org is not None else rows
    heads = {row.org_id: row for row in rows.defer("content", "sha256")}
    apart = set() if org is not None else _with_own_card(month)
    kept = {number for number, head in heads.items() if number not in apart and head.currency in {None, card.currency}}
    if not kept:
        return None
    before = _billed_before(month, orgs=kept)
    priced = {number for number in kept if heads[number].currency is not None}
    after: dict[DataType, int] = dict.fromkeys(DataType, 0)
    for one in _byte_days(card, month=month, orgs=kept):
        quantity = gb_months(one.billed, days=month.days)
        price = card.prices[one.data_type].per_gb_month
        after[one.data_type] += billing.cost(quantity, price=price, currency=card.currency).minor
    whole = priced == kept
    return Effect(
        month=month,
        organizations=len(kept),
        skipped=len(heads) - len(kept),
        lines=tuple(
            EffectLine(
                data_type=kind,
                before=Money(card.currency, before.get(kind, 0)) if whole else None,
                after=Money(card.currency, after[kind]),
            )
            for kind in DataType
        ),
        before=Money(card.currency, sum(heads[number].total_minor or 0 for number in kept)) if whole else None,
        after=Money(card.currency, sum(after.values())),
    )


def _with_own_card(month: Month) -> set[int]:
    """Find the organizations that had a card of their own in a month."""
    rows = RateCardVersion.objects.filter(org_id__isnull=False, month__lte=month.first).order_by("month", "id")
    newest = {org: prices is not None for org, prices in rows.values_list("org_id", "prices")}
    return {org for org, own in newest.items() if own and org is not None}


def _billed_before(month: Month, *, orgs: set[int]) -> dict[DataType, int]:
    """Add up what the closed statements say, by data type, in smallest units; the database reads their content."""
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT line ->> 'data_type', sum((line ->> 'amount_minor')::bigint)
            FROM billing_closedstatement s, jsonb_array_elements(s.content::jsonb -> 'lines') AS line
            WHERE s.month = %s AND s.org_id = ANY (%s) AND s.currency IS NOT NULL GROUP BY 1
            """,
            [month.first, sorted(orgs)],
        )
        return {DataType(kind): int(minor) for kind, minor in cursor.fetchall()}


def _byte_days(card: RateCard, *, month: Month, orgs: set[int]) -> list[_Sum]:
    """Add up a closed month's billed byte-days under a card, as billing_byte_days does, for many organizations."""
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT u.org_id, u.data_type, CASE WHEN a.age IS NULL THEN sum(u.bytes)
                ELSE sum((SELECT coalesce(sum(e.bytes::numeric
                            * greatest(0, %(last)s::date - greatest(u."on", e.day + a.age + 1) + 1)), 0)
                        FROM unnest(u.days, u.day_bytes) AS e (day, bytes))) END
            FROM billing_usage u
            JOIN unnest(%(kinds)s::text[], %(ages)s::integer[]) AS a (kind, age) ON a.kind = u.data_type
            WHERE u.org_id = ANY (%(orgs)s) AND u."on" BETWEEN %(first)s AND %(last)s
            GROUP BY u.org_id, u.data_type, a.age
            """,
            {
                "first": month.first,
                "last": month.last,
                "orgs": sorted(orgs),
                "kinds": [str(kind) for kind in DataType],
                "ages": [card.prices[kind].included_days for kind in DataType],
            },
        )
        return [_Sum(org, DataType(kind), int(billed)) for org, kind, billed in cursor.fetchall()]
