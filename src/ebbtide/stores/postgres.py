"""A live run over PostgreSQL: report rows, index rows of objects, cells and the book.

DANGER: this adapter calls the only functions that delete (apps/runs/sql/rules.sql). It holds a cursor of the days
still to come and nothing else: what is done is what the book says.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from ebbtide.domain.amount import used_up
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.outcome import AlreadyGone, Failed, Numbers, Outcome, Purged, Retained, RunOutcome
from ebbtide.engine.ports import Claimed, Reach
from ebbtide.engine.split import STRETCH, DayWork, Part, Stretch, stretches

Transaction = Callable[[], AbstractContextManager[Any]]
"""Opens a transaction in the organization and gives a cursor; maps the database's errors to ours."""

_WORDS = {Purged: "purged", AlreadyGone: "already_gone", Retained: "kept", Failed: "failed"}


class PostgresCells:
    """The counts, read through a server-side cursor so that memory stays flat."""

    def __init__(self, transaction: Transaction, *, org: int) -> None:
        self._transaction = transaction
        self._org = org

    def cells_before(self, reaches: Sequence[Reach]) -> Generator[Cell, None, None]:
        """Stream the cells older than their reach, in plan order."""
        if not reaches:
            return
        with self._transaction() as cursor:
            # leans on catalog_cell's key (org, day, data_type, queue): read in plan order up to the latest reach
            cursor.execute(
                """
                SELECT c.day, c.data_type, c.queue_id, c.items, c.bytes FROM catalog_cell c
                JOIN unnest(%s::int[], %s::text[], %s::date[]) AS r (queue_id, data_type, before)
                    ON r.queue_id = c.queue_id AND r.data_type = c.data_type AND c.day < r.before
                WHERE c.org_id = %s AND c.day < %s
                ORDER BY c.day, c.data_type, c.queue_id
                """,
                [
                    [reach.queue for reach in reaches],
                    [str(reach.data_type) for reach in reaches],
                    [reach.before for reach in reaches],
                    self._org,
                    max(reach.before for reach in reaches),
                ],
            )
            for day, data_type, queue, items, size in cursor:
                yield Cell(day, DataType(data_type), queue, items, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What a run needs of the world around it.

    Attributes:
        turnstile: holds off disarming while objects are in flight.
        hold: takes a part's lock; False where another worker has it.
        alone: keeps helpers away; False where one is at the run.
        rested: writes down why the run rests.
        ended: writes numbers, purged bytes, outcome and reason to the run's row, inside the finishing transaction.
    """

    turnstile: Callable[[], AbstractContextManager[None]]
    hold: Callable[[Part], AbstractContextManager[bool]]
    alone: Callable[[], AbstractContextManager[bool]]
    rested: Callable[[str], None]
    ended: Callable[[Numbers, int, RunOutcome, str], None]


class PostgresRun:
    """One live run, or a part of it; every method that deletes is one transaction."""

    def __init__(
        self, transaction: Transaction, *, run: int, hooks: Hooks, stretch: int = STRETCH, part: Part | None = None
    ) -> None:
        """Take up a run.

        Args:
            transaction: opens a transaction of the sweep role in the run's organization.
            run: the run's number.
            hooks: what is around it.
            stretch: weight of its stretches, in rows; every worker that is at a run must be given the same.
            part: what of it; None for all.
        """
        self._transaction = transaction
        self._run = run
        self._hooks = hooks
        self._stretch = stretch
        self._part = part or Part(date.min, date.max, 0, 1)
        self._first_day = self._part.first
        self._days: deque[tuple[date, int]] | None = None

    def stretches(self) -> Sequence[Stretch]:
        """Give the plan's stretches, oldest first."""
        with self._transaction() as cursor:
            cursor.execute(
                """
                SELECT l.day, coalesce(sum(n.items) FILTER (WHERE l.data_type = 'insights'), 0)::bigint,
                    coalesce(sum(n.items) FILTER (WHERE l.data_type <> 'insights'), 0)::bigint
                FROM runs_run r JOIN runs_planline l ON l.org_id = r.org_id AND l.plan_id = r.plan_id
                CROSS JOIN LATERAL (SELECT sum(u.items) AS items FROM unnest(l.items) AS u (items)) n
                WHERE r.org_id = ebbtide_org() AND r.id = %s GROUP BY l.day ORDER BY l.day
                """,
                [self._run],
            )
            return stretches([DayWork(*row) for row in cursor], weight=self._stretch)

    def _of(self, part: Part) -> "PostgresRun":
        return PostgresRun(self._transaction, run=self._run, hooks=self._hooks, stretch=self._stretch, part=part)

    @contextmanager
    def hold(self, part: Part) -> Iterator["PostgresRun | None"]:
        """Hold a part alone; None where another living worker holds it."""
        with self._hooks.hold(part) as held:
            yield self._of(part) if held else None

    @contextmanager
    def alone(self) -> Iterator["PostgresRun | None"]:
        """Keep helpers away and hold the whole run as one part; None where a helper is still at it."""
        with self._hooks.alone() as is_alone:
            yield self._of(Part(date.min, date.max, 0, 1)) if is_alone else None

    def rest(self, reason: str) -> None:
        """Write down why the run rests; it stays open."""
        self._hooks.rested(reason)

    def in_flight(self) -> AbstractContextManager[None]:
        """Hold the organization's turnstile."""
        return self._hooks.turnstile()

    def _next_batch(self) -> int:
        """Take the next batch's number, in a transaction of its own: workers of a run must not wait for each other."""
        with self._transaction() as cursor:
            cursor.execute("SELECT runs_next_batch(%s)", [self._run])
            number: int = cursor.fetchone()[0]
        return number

    def open_claims(self) -> Sequence[Claimed]:
        """Give the part's objects this run decided on and did not write down."""
        part = self._part
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT id, key, day FROM runs_open_claims(%s) WHERE day BETWEEN %s AND %s AND id %% %s = %s",
                [self._run, part.first, part.last, part.slices, part.slice],
            )
            return [Claimed(*row) for row in cursor]

    def claim_objects(self, *, most: int, besides: Sequence[Claimed]) -> Sequence[Claimed]:
        """Decide on the part's next objects and write the intent."""
        part = self._part
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT id, key, day, again FROM runs_claim_objects(%s, %s, %s, %s, %s, %s, %s::bigint[])",
                [
                    self._run, self._first_day, part.last, part.slice, part.slices, most, [one.id for one in besides],
                ],
            )  # fmt: skip
            claimed = [Claimed(*row) for row in cursor]
        if claimed:
            self._first_day = min(one.day for one in claimed)
        return claimed

    def ask_again(self) -> None:
        """Ask whether what was claimed a while ago may still be destroyed."""
        with self._transaction() as cursor:
            cursor.execute("SELECT runs_may_delete(%s)", [self._run])

    def give_back(self, claimed: Sequence[Claimed]) -> None:
        """Take back claims on objects that nobody has touched since."""
        if not claimed:
            return
        with self._transaction() as cursor:
            untouched = [one.id for one in claimed if not one.again]
            cursor.execute("SELECT runs_give_back(%s, %s::bigint[])", [self._run, untouched])

    def close_objects(self, claimed: Sequence[Claimed], *, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of claimed objects."""
        batch = self._next_batch()
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT runs_close_objects(%s, %s, %s::bigint[], %s::text[], %s::text[])",
                [
                    self._run,
                    batch,
                    [one.id for one in claimed],
                    [_WORDS[type(outcome)] for outcome in outcomes],
                    [getattr(outcome, "reason", "") for outcome in outcomes],
                ],
            )

    def purge_rows(self, *, most: int) -> int | None:
        """Delete the report rows of the part's next days, about `most` of them."""
        if self._days is None:
            self._days = self._days_left()
        if not self._days:
            return None
        first = last = self._days[0][0]
        expected = taken = 0
        for day, items in self._days:
            if taken and expected + items > most:
                break
            last, expected, taken = day, expected + items, taken + 1
        batch = self._next_batch()
        with self._transaction() as cursor:
            cursor.execute("SELECT items FROM runs_purge_rows(%s, %s, %s, %s)", [self._run, batch, first, last])
            deleted: int = cursor.fetchone()[0]
        for _ in range(taken):  # only now: a batch that raised is tried again
            self._days.popleft()
        return deleted

    def _days_left(self) -> deque[tuple[date, int]]:
        """Read which of the part's days still have rows, and how many."""
        with self._transaction() as cursor:
            cursor.execute(
                """
                SELECT l.day, sum(c.items)::bigint FROM runs_run r
                JOIN runs_planline l ON l.org_id = r.org_id AND l.plan_id = r.plan_id AND l.data_type = 'insights'
                JOIN catalog_cell c ON c.org_id = l.org_id AND c.day = l.day AND c.data_type = 'insights'
                    AND c.queue_id = ANY (l.queues)
                WHERE r.org_id = ebbtide_org() AND r.id = %s AND l.day BETWEEN %s AND %s GROUP BY l.day ORDER BY l.day
                """,
                [self._run, self._part.first, self._part.last],
            )
            return deque(cursor.fetchall())

    def rows_left(self) -> Iterator[str]:
        """Look in the tables themselves for rows booked as purged."""
        for table in ("insights_segment", "insights_event"):
            with self._transaction() as cursor:
                cursor.execute(
                    f"""
                    SELECT e.day, e.queue_id FROM
                        (SELECT DISTINCT day, queue_id FROM ledger_entry
                         WHERE org_id = ebbtide_org() AND run_id = %s AND data_type = 'insights'
                            AND outcome = 'purged') e
                    WHERE EXISTS (
                        SELECT 1 FROM {table} s
                        WHERE s.org_id = ebbtide_org() AND s.day = e.day AND s.queue_id = e.queue_id)
                    """,  # noqa: S608 - the names of two tables, written above
                    [self._run],
                )
                yield from (f"{table} of que_{queue} on {day}" for day, queue in cursor)

    def booked_places(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Give the key prefix of each cell of objects in the book, with the keys that may still lie there."""
        with self._transaction() as cursor:
            cursor.execute("SELECT key FROM media_upload WHERE org_id = ebbtide_org()")
            coming = frozenset(row[0] for row in cursor.fetchall())
            cursor.execute(
                """
                SELECT 'org_' || e.org_id || '/que_' || e.queue_id || '/' || to_char(e.day, 'YYYY-MM-DD') || '/'
                        || e.data_type,
                    ARRAY(SELECT m.key FROM media_mediaobject m
                          WHERE m.org_id = e.org_id AND m.kind = e.data_type AND m.day = e.day
                            AND m.queue_id = e.queue_id)
                FROM (SELECT DISTINCT org_id, queue_id, day, data_type FROM ledger_entry
                      WHERE org_id = ebbtide_org() AND run_id = %s AND data_type <> 'insights'
                        AND outcome IN ('purged', 'already_gone')) e
                """,
                [self._run],
            )
            while rows := cursor.fetchmany(1000):
                yield from ((prefix, coming.union(known)) for prefix, known in rows)

    def finish(self, *, reached_end: bool, outcome: RunOutcome | None, reason: str) -> Numbers:
        """End the run: book what is left with its reasons, add up, write the outcome."""
        with self._transaction() as cursor:
            cursor.execute("SELECT runs_refuse_company(%s)", [self._run])
            cursor.execute(
                """
                SELECT a.purged, a.purged_bytes, a.kept, a.failed, a.not_reached + p.rest_items, p.rest_items, p.amount
                FROM runs_add_up(%s, %s) a JOIN runs_plan p ON p.org_id = a.org_id AND p.id = a.plan_id
                """,
                [self._run, reached_end],
            )
            purged, purged_bytes, kept, failed, not_reached, rest, amount = cursor.fetchone()
            numbers = Numbers(purged=purged, kept=kept, failed=failed, not_reached=not_reached)
            told = reason or (used_up(rest, most=amount) if rest else "")
            self._hooks.ended(numbers, purged_bytes, outcome or numbers.outcome, told)
        return numbers
