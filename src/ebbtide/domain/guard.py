"""Guards: may this run delete at all? Asked before the first deletion, never after.

Each guard is a question with numbers; a refusal carries limit, selected and population, so that a person sees at once
how far off the run is. A limit of None means that no limit is set; 0 means that nothing may go: the two are never the
same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ebbtide.domain.errors import CapExceeded, ClockUnsound, GapUnconfirmed

CLOCK_TOLERANCE = timedelta(seconds=120)
BACKWARD_TOLERANCE = timedelta(minutes=5)
GAP_TOLERANCE = timedelta(hours=36)
GAP_FACTOR = 2
DEFAULT_SHARE_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Clocks:
    """Readings of one moment (aware UTC).

    Attributes:
        host, database: theirs.
        last_good: the last one found good, if any.
        store: the object store's; None where it tells no time, or is not asked.
    """

    host: datetime
    database: datetime
    last_good: datetime | None
    store: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """The most a run may take: a share of the organization's items (percent), and a count; None: not limited."""

    share_percent: int | None = DEFAULT_SHARE_PERCENT
    items: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What the last runs tell.

    Attributes:
        last_run_at: when the last run began that was neither blocked nor, armed, only simulated; None: none.
        usual_items: items that a completed night has purged, as a rule; None where nothing is known yet.
    """

    last_run_at: datetime | None
    usual_items: int | None


def check_clocks(clocks: Clocks) -> None:
    """Refuse to run on clocks that cannot be trusted.

    Raises:
        ClockUnsound: host and database, or host and object store, are more than 120 s apart, or the host is behind its
            last good reading by more than 5 minutes.
    """
    apart = abs(clocks.host - clocks.database)
    if apart > CLOCK_TOLERANCE:
        raise ClockUnsound(
            f"The host's clock and the database's are {apart.total_seconds():.0f} s apart (120 s allowed): "
            "set both by NTP, then run again.",
            host=clocks.host.isoformat(),
            database=clocks.database.isoformat(),
        )
    if clocks.store is not None and (store_apart := abs(clocks.host - clocks.store)) > CLOCK_TOLERANCE:
        raise ClockUnsound(
            f"The host's clock and the object store's are {store_apart.total_seconds():.0f} s apart (120 s allowed): "
            "set both by NTP, then run again.",
            host=clocks.host.isoformat(),
            store=clocks.store.isoformat(),
        )
    if clocks.last_good is not None and clocks.last_good - clocks.host > BACKWARD_TOLERANCE:
        raise ClockUnsound(
            f"The host's clock ({clocks.host:%Y-%m-%d %H:%M} UTC) is behind its last good reading "
            f"({clocks.last_good:%Y-%m-%d %H:%M} UTC): set it right, then run again.",
            host=clocks.host.isoformat(),
            last_good=clocks.last_good.isoformat(),
        )


def check_caps(caps: Caps, *, selected: int, population: int) -> None:
    """Refuse a plan that takes more than its cap; a plan confirmed by a person is not asked about its share.

    Args:
        caps: the limits.
        selected: items the plan names.
        population: items the organization has.

    Raises:
        CapExceeded: by share or by count.
    """
    if caps.items is not None and selected > caps.items:
        raise CapExceeded(
            f"The plan takes {selected:,} items; this organization's runs may take {caps.items:,}.",
            limit=caps.items,
            selected=selected,
            population=population,
        )
    if caps.share_percent is not None and selected * 100 > caps.share_percent * population:
        share = f"{selected * 100 / population:.1f} %" if population else "more than there is"
        raise CapExceeded(
            f"The plan takes {selected:,} of {population:,} items ({share}); a run may "
            f"take {caps.share_percent} %. Look at the plan, and confirm it if its counts are right.",
            limit=population * caps.share_percent // 100,
            selected=selected,
            population=population,
        )


def check_gap(history: History, *, now: datetime, selected: int) -> None:
    """Refuse an unusually large run after a long silence: it may be downtime, or a clock that jumped.

    Raises:
        GapUnconfirmed: nothing ran for more than 36 h, and the plan takes more than twice what the missed nights
            usually take.
    """
    if history.last_run_at is None or selected == 0:
        return
    gap = now - history.last_run_at
    if gap <= GAP_TOLERANCE:
        return
    nights = max(1, round(gap / timedelta(days=1)))
    limit = 0 if history.usual_items is None else GAP_FACTOR * nights * history.usual_items
    if selected > limit:
        known = "no usual amount is known" if history.usual_items is None else f"{limit:,} would be twice the usual"
        raise GapUnconfirmed(
            f"Nothing ran for {gap.total_seconds() / 3600:.0f} hours and the plan takes {selected:,} items; {known}. "
            "Look at the plan, and confirm it if its counts are right.",
            limit=limit,
            selected=selected,
        )
