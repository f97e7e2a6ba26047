"""A nightly amount: the most items one night takes, so that years of data drain night by night instead of at once.

An amount is no guard. A guard blocks what is too much; an amount takes the oldest first, as far as it reaches, and
leaves the rest to the nights that follow. What is taken together stays together: all that is due of one Q on one day,
because report rows never go before their recordings.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from ebbtide.domain.cell import Amount
from ebbtide.domain.plan import PlannedCell


@dataclass(slots=True)
class Rest:
    """What is due and left to later nights."""

    left: Amount = field(default_factory=Amount)


def tonights(
    planned: Iterable[PlannedCell], *, most: int | None, rest: Rest, stuck: Collection[tuple[date, int]] = ()
) -> Iterator[PlannedCell]:
    """Give the due cells that fit into a night's amount, oldest day first.

    The oldest Q and day goes even where it alone is larger: else it would wait for ever, and all behind it. So would
    all behind what cannot be destroyed, if that used the amount up night after night: it is tried beside it.

    Args:
        planned: all due cells, in plan order (day, data type, queue).
        most: items of one night; None for all.
        stuck: days and queues of which the last live run had to leave something.
        rest: takes what is left over, once the stream is read to its end.
    """
    if most is None:
        yield from planned
        return
    room, is_first, is_full = most, True, False
    for _, group in groupby(planned, key=lambda one: one.cell.day):
        day = list(group)
        items: dict[int, int] = {}
        for one in day:
            items[one.cell.queue] = items.get(one.cell.queue, 0) + one.cell.items
        taken = set()
        for queue in sorted(items):
            if (day[0].cell.day, queue) in stuck:
                taken.add(queue)
                continue
            is_full = is_full or (items[queue] > room and not is_first)
            if not is_full:
                taken.add(queue)
                room, is_first = room - items[queue], False
        for one in day:
            if one.cell.queue in taken:
                yield one
            else:
                rest.left += Amount(one.cell.items, one.cell.bytes)


def smaller(one: int | None, other: int | None) -> int | None:
    """Give the smaller of two amounts; None is all that is due."""
    return min((amount for amount in (one, other) if amount is not None), default=None)


def nights_to_go(items: int, *, most: int | None) -> int:
    """Say how many more nights it takes until so many items are gone, if nothing else became due meanwhile.

    Args:
        items: due, and not taken yet.
        most: items of one night; None for all.
    """
    if items <= 0:
        return 0
    return 1 if most is None else -(-items // most)


def used_up(rest: int, *, most: int) -> str:
    """Say why a night that did all it might has left something.

    Args:
        rest: items that are due and were left.
        most: items of one night.
    """
    nights = nights_to_go(rest, most=most)
    return (
        f"Tonight's amount ({most:,} items) is used up: {rest:,} more are due, "
        f"about {nights:,} more {'night' if nights == 1 else 'nights'}."
    )
