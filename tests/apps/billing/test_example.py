"""The example of docs/billing.md, read out of the document and reckoned again: metered, priced and closed for real."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from ebbtide.apps.billing import selectors, services
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.billing import Month, Price, RateCard, gb_months, starts_at
from ebbtide.domain.calendar import Days, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, load
from tests.house.consoles import ROOT

from .past import happened, metered

JUNE = Month(2026, 6)
OLD, YOUNG = date(2025, 1, 1), date(2026, 5, 31)
Row = dict[str, str]


def tables() -> list[list[Row]]:
    """The tables of the example, each row by its column's head."""
    text = (ROOT / "docs" / "billing.md").read_text().partition("## An example")[2]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _rule, *lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found.append([dict(zip(head, line, strict=True)) for line in lines])
    return found


AT_REST, PRICES, LINES, SHARES = tables()


def span(text: str) -> tuple[date, date]:
    first, last = re.findall(r"\d+", text)
    return date(2026, 6, int(first)), date(2026, 6, int(last))


def number(text: str) -> int:
    return int(text.replace(",", ""))


def weigh(org: Organization, row: Row, *, database: Urls, queues: dict[str, int]) -> None:
    """Make the cells weigh what the row says, old and young data apart."""
    old = number(row["of it older than 400 days"])
    with psycopg.connect(database.superuser) as witness:
        for day, size in ((OLD, old), (YOUNG, number(row["bytes at rest each day"]) - old)):
            if size:
                witness.execute(
                    "INSERT INTO catalog_cell (org_id, day, data_type, queue_id, items, bytes) "
                    "VALUES (%s, %s, %s, %s, 1, %s) "
                    "ON CONFLICT (org_id, day, data_type, queue_id) DO UPDATE SET bytes = excluded.bytes",
                    [org.id, day, row["data type"], queues[row["Q"]], size],
                )


def test_the_example_of_the_document(database: Urls) -> None:
    org, neighbour = centre("Harbour"), centre("Coast")
    zone = parse_zone(org.zone)
    for queue in ("Sales", "Support"):
        load(org, calls(queue, day=YOUNG, count=1))
    load(neighbour, calls("Sales", day=YOUNG, count=9))
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT name, id FROM catalog_queue")
        queues = dict(cursor.fetchall())
    with psycopg.connect(database.superuser) as witness:  # the document has no such calls: only their Qs are wanted
        witness.execute("DELETE FROM catalog_cell WHERE org_id = %s", [org.id])
    for begins in sorted({span(row["dates"])[0] for row in AT_REST}):
        for row in AT_REST:
            if span(row["dates"])[0] == begins:
                weigh(org, row, database=database, queues=queues)
        # what went in the night of 18 June is billed for the 18th: the new weight begins on the date after
        happened(database, starts_at(begins - timedelta(days=1), zone=zone) + timedelta(hours=2))
    ages = {row["data type"]: row["included up to"].partition(" ")[0] for row in PRICES}
    card = RateCard(
        "USD",
        {
            DataType(row["data type"]): Price(
                Decimal(row["USD for a GB-month"]),
                Days(int(ages[row["data type"]])) if ages[row["data type"]].isdigit() else None,
            )
            for row in PRICES
        },
    )
    services.set_card(card, month=JUNE, actor="test", now=datetime(2026, 6, 1, 12, tzinfo=UTC))
    for one in (org, neighbour):
        metered(one, starts_at(JUNE.next.first, zone=zone))
    with acting_in(org.id):
        closed = selectors.closed_statement(org=org.id, month=JUNE)
        assert closed is not None
        made = selectors.read_statement(closed.content)
    names = {number: name for name, number in queues.items()}
    assert [
        {
            "data type": str(line.data_type),
            "GB-months at rest": f"{gb_months(line.byte_days, days=30):f}",
            "GB-months billed": f"{line.quantity:f}",
            "amount, USD": f"{line.amount.amount:f}" if line.amount else "",
        }
        for line in made.lines
    ] == LINES[:-1]
    assert made.total is not None
    assert f"{made.total.amount:f}" == LINES[-1]["amount, USD"]
    assert [
        {
            "Q": names[share.queue],
            "data type": "desktop",
            "GB-months billed": f"{share.quantity:f}",
            "amount, USD": f"{share.amount.amount:f}" if share.amount else "",
        }
        for share in made.lines[3].shares
    ] == SHARES
