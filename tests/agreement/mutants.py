"""Break a guard on purpose, and see whether the tests notice.

Each mutant is a change of the source text, Python or SQL, made while it is read, so that nothing on disk changes and
the database's own functions are built broken. `python -m tests.agreement.mutants [NAME ...]` tries them one after the
other, each in a process of its own, once on the state machine alone and once on the other tests, and prints a table.

As a pytest plugin (`-p tests.agreement.mutants`) it puts the mutant named by EBBTIDE_MUTANT into force.
"""

import importlib.machinery
import os
import subprocess
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "ebbtide"
MACHINE = ["tests/agreement/test_worlds.py"]
PURE = ["tests/domain", "tests/engine"]
REAL = ["tests/apps/runs/test_sharing.py", "tests/apps/runs/test_night.py", "tests/apps/test_privileges.py",
        "tests/apps/test_cells.py", "tests/agreement", "--deselect", "tests/agreement/test_worlds.py"]  # fmt: skip
OTHERS = [*PURE, *REAL]
_STEPS = ["tests/agreement/test_changes.py", "tests/agreement/test_batches.py"]
_WAYS_GO = ["tests/agreement/test_ways.py"]
NEAR = {
    "engine/train.py": ["tests/engine/test_train.py"],
    "engine/": ["tests/engine/test_night.py"],
    "stores/postgres.py": _STEPS,
    "apps/runs/sql/ahead.sql": _STEPS,
    "apps/runs/sql/rules.sql": _STEPS,
    "apps/runs/sql/purge_rows.sql": [*_WAYS_GO, *_STEPS],
    "apps/insights/sql/settle.sql": _WAYS_GO,
    "apps/runs/circumstances.py": ["tests/apps/runs/test_history.py", "tests/agreement/test_admission.py"],
    "apps/runs/planning.py": ["tests/agreement/test_admission.py"],
    "apps/catalog/sql/rules.sql": ["tests/apps/test_cells.py"],
}
"""By the beginning of a file's name: the tests nearest to it, asked first because the first failure is enough."""
PATIENCE = 1200
"""Seconds until tests are said to hang: several times what all of them take on a busy machine."""


@dataclass(frozen=True)
class Edit:
    """Replace a text, which must be there, in a file of the source."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """One broken guard; `held_by` names the other fences that make it harmless, where there are some."""

    name: str
    edits: tuple[Edit, ...]
    held_by: str = ""

    @property
    def others(self) -> list[str]:
        """The other tests that could notice: those without a database see nothing of what stands in SQL."""
        is_pure = any(edit.file.startswith(("domain/", "engine/", "stores/memory")) for edit in self.edits)
        return OTHERS if is_pure else REAL

    @property
    def near(self) -> list[str]:
        """Those of them that are asked first."""
        return next((tests for file, tests in NEAR.items() if self.edits[0].file.startswith(file)), [])

    def noticed(self) -> str:
        """Ask the other tests; gives the first that failed, or "" where none did."""
        return (caught_by(self, self.near) if self.near else "") or caught_by(self, self.others)


def _one(name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Edit(file, old, new),))


_RULES = "apps/runs/sql/rules.sql"
_TOGETHER = "apps/runs/sql/together.sql"
_AHEAD = "apps/runs/sql/ahead.sql"
_CELLS = "apps/catalog/sql/rules.sql"
_WAYS = "apps/runs/sql/purge_rows.sql"
_SETTLE = "apps/insights/sql/settle.sql"
_ORG_OF_EVENTS = "DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', insights_part('insights_event', wanted))"
_ORG_OF_ROWS = "DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', insights_part('insights_segment', wanted))"
_LEFT_OUT = "WHERE (org_id = $1 AND queue_id = ANY ($2)) IS NOT TRUE ORDER BY"
_CENSUS = "SELECT sum(c.items) INTO there FROM insights_census(wanted) c;"
_ONLY_OURS = _CENSUS.replace(" c;", " c WHERE c.org_id = ebbtide_org();")
_STRANGERS = "is_free := is_free AND insights_owners(part) <@ array_remove(ARRAY[last], NULL);"

MUTANTS = (
    # what is due
    _one("verdict: < becomes <=", "domain/verdict.py", "day < cutoff(on", "day <= cutoff(on"),
    _one("verdict: the longest job wins", "domain/verdict.py", "return min(reaching", "return max(reaching"),
    _one("verdict: no job means due", "domain/verdict.py", "return Kept(job)", "return Kept(job) if job else Due(job)"),
    _one("cutoff: one day early", "domain/calendar.py", "timedelta(days=days) if", "timedelta(days=days - 1) if"),
    _one("job: desktop takes everything", "domain/job.py", "return self.what is What.ALL or", "return True or"),
    _one("job: a Q job reaches every Q", "domain/job.py", "or queue in self.queues", "or bool(self.queues)"),
    # may it start
    _one("cap: five times the share", "domain/guard.py", "if caps.share_percent is not None and selected * 100 >",
         "if caps.share_percent is not None and selected * 20 >"),
    _one("cap: 0 means no limit", "domain/guard.py", "if caps.items is not None and", "if caps.items and"),
    _one("clock: only one direction is asked", "domain/guard.py", "abs(clocks.host - clocks.database)",
         "clocks.host - clocks.database"),
    _one("gap: not asked", "engine/admit.py", "check_gap(found.history", "History(found.history"),
    _one("gap: that it has asked is an answer", "apps/runs/circumstances.py",
         "p.id = r.plan_id AND p.armed", "p.id = r.plan_id AND false"),
    _one("gap: a night that was blocked is an answer", "apps/runs/circumstances.py",
         "r.outcome IS DISTINCT FROM 'blocked'", "true"),
    _one("gap: the run that asks is its own history", "apps/runs/circumstances.py",
         "(%(before)s::bigint IS NULL OR id < %(before)s)", "(%(before)s::bigint IS NULL OR id <= %(before)s)"),
    _one("plan: its head is not compared with its lines", "apps/runs/planning.py", " or hashed.totals != head", ""),
    _one("cap: asked of the plan, not of what is there", "apps/runs/circumstances.py", "selected = _holds_now(plan)",
         "selected = plan.items"),
    _one("admission: not armed goes live", "engine/admit.py", "Mode.LIVE if found.armed else Mode.SIMULATED",
         "Mode.LIVE"),
    _one("plan: changed jobs do not make it stale", "domain/plan.py", "made_from.jobs_version != now.jobs_version",
         "made_from.jobs_version > now.jobs_version"),
    _one("plan: its hash leaves out the items", "domain/plan.py", "{planned.days} {cell.items} {cell.bytes}",
         "{planned.days} {cell.bytes}"),
    # asked again in the deleting transaction
    _one("re-check: platform's kill switch", _RULES, "FROM runs_platform WHERE NOT stopped",
         "FROM runs_platform WHERE true"),
    _one("re-check: organization's kill switch", _RULES, "IF org.stopped THEN", "IF false THEN"),
    _one("re-check: armed", _RULES, "IF NOT org.armed THEN", "IF false THEN"),
    _one("re-check: jobs", _RULES, "AND p.armed AND p.jobs_version = org.jobs_version", "AND p.armed"),
    _one("re-check: armed anew", _RULES, "AND p.armed_at IS NOT DISTINCT FROM org.armed_at", ""),
    _one("re-check: cancelled", _RULES, "IF this.cancelled_at IS NOT NULL THEN", "IF false THEN"),
    # what goes
    Mutant("rows: no org predicate", (Edit(_WAYS, _ORG_OF_ROWS, _ORG_OF_ROWS.replace("org_id = $1", "$1 > 0")),
                                      Edit(_WAYS, _ORG_OF_EVENTS, _ORG_OF_EVENTS.replace("org_id = $1", "$1 > 0"))),
           held_by="row-level security, forced on the owner too; a Q's number belongs to one org"),
    Mutant("rows: no org and no Q predicate, partitions without row-level security",
           (Edit(_WAYS, _ORG_OF_EVENTS, _ORG_OF_EVENTS.replace("org_id = $1 AND queue_id = ANY ($2)",
                                                                "$1 > 0 AND $2 IS NOT NULL")),
            Edit(_SETTLE, "PERFORM ebbtide_protect(part), insights_no_samples(part), insights_policies(part);",
                 "PERFORM insights_no_samples(part);"))),
    _one("rows: no Q predicate on events", _WAYS, _ORG_OF_EVENTS,
         _ORG_OF_EVENTS.replace("queue_id = ANY ($2)", "$2 IS NOT NULL")),
    _one("rows: no Q predicate on segments", _WAYS, _ORG_OF_ROWS,
         _ORG_OF_ROWS.replace("queue_id = ANY ($2)", "$2 IS NOT NULL")),
    _one("rows: events are forgotten", _WAYS, _ORG_OF_EVENTS,
         _ORG_OF_EVENTS.replace("queue_id = ANY ($2)", "queue_id = ANY ($2) AND false")),
    _one("rows: not held back by their recordings", _WAYS, "AND o.queue_id = c.queue_id)",
         "AND o.queue_id = c.queue_id AND false)"),
    _one("rows: what came after the plan goes too", _WAYS,
         "AND c.queue_id = planned.queue_id AND c.items <= planned.items", "AND c.queue_id = planned.queue_id"),
    # a whole day
    _one("whole: a day is whole where our cells are", _WAYS, _CENSUS, _ONLY_OURS),
    _one("whole: nobody looks whose rows lie there", _SETTLE, _STRANGERS, "is_free := true;"),
    Mutant("whole: no org at all", (Edit(_WAYS, _CENSUS, _ONLY_OURS), Edit(_SETTLE, _STRANGERS, "is_free := true;"))),
    _one("whole: other Qs' rows are not looked for", _WAYS,
         "NOT runs_queues_in(segments, org) || runs_queues_in(events, org) <@ queues", "false"),
    # a day rewritten
    Mutant("rewrite: no org predicate", (Edit(_SETTLE, _LEFT_OUT, _LEFT_OUT.replace("org_id = $1", "$1 > 0")),),
           held_by="a Q's number belongs to one org"),
    _one("rewrite: no Q predicate", _SETTLE, _LEFT_OUT, _LEFT_OUT.replace("queue_id = ANY ($2)", "$2 IS NOT NULL")),
    Mutant("rewrite: no org and no Q predicate, the copy fits always",
           (Edit(_SETTLE, _LEFT_OUT, _LEFT_OUT.replace("org_id = $1 AND queue_id = ANY ($2)", "$1 > 0")),
            Edit(_SETTLE, "INTO fits USING wanted;", "INTO fits USING wanted; fits := true;"),
            Edit(_SETTLE, "IF NOT is_all_there THEN", "IF false THEN"))),
    Mutant("rewrite: what is due is copied too, the copy fits always",
           (Edit(_SETTLE, _LEFT_OUT, _LEFT_OUT.replace("org_id = $1", "org_id < $1")),
            Edit(_SETTLE, "INTO fits USING wanted;", "INTO fits USING wanted; fits := true;"))),
    _one("rewrite: the partition is not guarded again", _SETTLE,
         "PERFORM insights_guard(part::regclass);\n        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR "
         "VALUES FROM (%L) TO (%L)', parent",
         "EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent"),
    _one("ways: that what is taken is what was counted is not asked", _WAYS, "IF begun.taken <> due.items THEN",
         "IF false THEN"),
    _one("objects: what came after the plan goes too", _AHEAD,
         "AND c.queue_id = planned.queue_id AND c.items <= planned.items", "AND c.queue_id = planned.queue_id"),
    _one("objects: no Q predicate", _AHEAD, "AND m.day = l.day AND m.queue_id = planned.queue_id",
         "AND m.day = l.day"),
    _one("objects: other types of the Q go too", _AHEAD, "m.kind = l.data_type AND m.day = l.day AND m.queue_id",
         "m.day = l.day AND m.queue_id"),
    _one("objects: failures are called purged", "stores/postgres.py", 'Failed: "failed"', 'Failed: "purged"'),
    _one("objects: goes on from the newest day", "stores/postgres.py", "self._first_day = min(",
         "self._first_day = max("),
    # claimed ahead
    _one("ahead: not asked again", "engine/train.py", "            self._part.ask_again()", "            pass"),
    _one("ahead: may not rest in between", "engine/train.py", "            may_go_on()\n", ""),
    _one("ahead: what is in flight is claimed again", _AHEAD, "AND m.id <> ALL (besides)", ""),
    _one("ahead: not given back", "engine/train.py", "        self._part.give_back(waiting)\n        if halt",
         "        if halt"),
    _one("ahead: what was claimed before is given back too", "stores/postgres.py", "if not one.again]", "]"),
    _one("ahead: a purged day is served again", _AHEAD, "AND m.day < l.before", "AND false"),
    _one("ahead: the turnstile is let go while the store is at it", "engine/train.py",
         "                flight.rest()", "                pass"),
    # what is told
    _one("book: already gone counts twice", _RULES,
         "SELECT coalesce(sum(e.items) FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0),",
         "SELECT coalesce(sum(e.items * CASE e.outcome WHEN 'purged' THEN 1 ELSE 2 END) "
         "FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0),"),
    _one("book: rows held back are not told", _RULES, "IF reached_end THEN", "IF false THEN"),
    _one("line: not drawn for rows", _WAYS,
         "SELECT catalog_draw_line(this.org_id, newest.queue_id, 'insights', newest.day)", "SELECT newest.queue_id"),
    _one("line: not drawn for objects", _RULES,
         "SELECT catalog_draw_line(this.org_id, newest.queue_id, newest.kind, newest.day)", "SELECT newest.queue_id"),
    _one("line: claims are taken for late data", _CELLS, "IF TG_OP = 'UPDATE' THEN", "IF false THEN"),
    # the sweep
    _one("sweep: a store that is down is not told", "engine/sweep.py", "unreached = exc.message", 'unreached = ""'),
    _one("sweep: never asks whether to end", "engine/sweep.py", "        if self._stop():", "        if False:"),
    _one("sweep: gives up where someone was first", "engine/sweep.py", "if attempts == ATTEMPTS:", "if attempts:"),
    Mutant("settle: skipped", (Edit("engine/night.py", "settle(whole, store=store)", "pass"),
                               Edit("engine/sweep.py", "settle(part, store=self._store)", "pass"))),
    _one("settle: not before the end", "engine/night.py", "settle(whole, store=store)", "pass"),
    _one("verify: skipped", "engine/night.py", "            verify(run, store=store)", "            pass"),
    _one("canary: not read back", "engine/sweep.py", "            verify(run, store=store)", "            pass"),
    _one("verify: the store is not asked", "engine/verify.py", "if key not in known", "if False"),
    # many workers
    _one("together: rows do not wait for their recordings", "engine/sweep.py", "return all(objects) and self._part",
         "return self._part"),
    _one("together: what others hold is called done", "engine/sweep.py",
         "                return False\n            deed", "                return True\n            deed"),
    _one("together: two may hold a part", "apps/orgs/locks.py", "yield held\n        finally:\n            if held:\n"
         "                cursor.execute(f", "yield True\n        finally:\n            if held:\n"
         "                cursor.execute(f"),
    _one("together: strangers are let in", _TOGETHER,
         "AND classid IN (7102, 7104) AND objid = run::oid AND objsubid = 2;", "OR true;"),
    _one("together: a run is ended in company", _TOGETHER, "HAVING count(*) = 2", "HAVING count(*) >= 1"),
    _one("together: batches share a number", _TOGETHER, "SET last = b.last + 1", "SET last = b.last"),
    _one("together: a slice takes the others' objects", _AHEAD, "AND m.id % slices = slice AND", "AND"),
    # amount and throttle
    _one("amount: twice as much", "domain/amount.py", "room, is_first, is_full = most,",
         "room, is_first, is_full = 2 * most,"),
    _one("amount: goes on behind what did not fit", "domain/amount.py", "is_full = is_full or (", "is_full = ("),
    _one("amount: the rest is not told", "stores/postgres.py", "a.not_reached + p.rest_items", "a.not_reached"),
    _one("throttle: hours are not asked", "engine/sweep.py", "reason = self._throttle.says()", 'reason = ""'),
    _one("throttle: an hour too long", "engine/throttle.py", "return self.start <= at < self.end",
         "return self.start <= at <= self.end"),
)  # fmt: skip

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from changed source, past every cache."""

    def __init__(self, fullname: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(fullname, path)
        self._edits = edits

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return compile(changed(Path(path).read_text(encoding="utf-8"), edits=self._edits), path, "exec")


class _Finder(MetaPathFinder):
    """Finds the modules that a mutant changes."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._by_module: dict[str, list[Edit]] = {}
        for edit in edits:
            if edit.file.endswith(".py"):
                name = f"ebbtide.{edit.file.removesuffix('.py').replace('/', '.')}"
                self._by_module.setdefault(name, []).append(edit)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        edits = self._by_module.get(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if edits else None
        if spec is not None and spec.origin is not None and edits is not None:
            spec.loader = _Loader(fullname, spec.origin, edits)
        return spec


def changed(text: str, *, edits: Sequence[Edit]) -> str:
    """Apply edits; each must find its text."""
    for edit in edits:
        if edit.old not in text:
            raise LookupError(f"a mutant is out of date: {edit.old!r} is not in {edit.file}")
        text = text.replace(edit.old, edit.new)
    return text


def put_in_force(mutant: Mutant) -> None:
    """Change modules as they are imported and SQL as it is read, in this process."""
    sys.meta_path.insert(0, _Finder(mutant.edits))
    read_text = Path.read_text

    def reading(self: Path, encoding: str | None = None, errors: str | None = None) -> str:
        text = read_text(self, encoding, errors)
        return changed(text, edits=[edit for edit in mutant.edits if self.as_posix().endswith(f"ebbtide/{edit.file}")
                                    and edit.file.endswith(".sql")])  # fmt: skip

    Path.read_text = reading  # type: ignore[method-assign]


def caught_by(mutant: Mutant | None, tests: Sequence[str]) -> str:
    """Run tests against a mutant; gives the first test that failed, or "" where none did."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "tests.agreement.mutants", "--no-header", "-rfE", *tests]
    environment = os.environ | {"EBBTIDE_MUTANT": mutant.name if mutant else ""}
    try:
        done = subprocess.run(  # noqa: PLW1510 - a failure is what is hoped for
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode == 0:
        return ""
    named = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    noticed = "FAILED " in done.stdout or "ERROR at teardown" in done.stdout  # where a neighbour is looked after
    if done.returncode != 1 or not named or not noticed:
        raise RuntimeError(f"{mutant}: the tests did not run:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    return named[0].partition(" ")[2].partition(" - ")[0].rpartition("/")[2]


if os.environ.get("EBBTIDE_MUTANT"):  # at import: a plugin comes before conftest.py, which imports the product
    put_in_force(BY_NAME[os.environ["EBBTIDE_MUTANT"]])


def _told(noticed: str, *, asked: bool) -> str:
    return "not asked" if not asked else "caught" if noticed else "—"


def main(names: Sequence[str]) -> int:
    """Try the mutants and print the table; exit code 1 where fewer than 95 % are caught.

    After `--quick` the state machine is asked only where the other tests did not notice.
    """
    is_quick = "--quick" in names
    chosen = [BY_NAME[name] for name in names if name != "--quick"] or list(MUTANTS)
    caught = harmful = 0
    print("| broken guard | state machine | other tests |\n|---|---|---|")  # noqa: T201 - a script
    for mutant in chosen:
        others = mutant.noticed()
        machine = "" if is_quick and others else caught_by(mutant, MACHINE)
        if mutant.held_by and not machine and not others:
            print(f"| {mutant.name} | harmless | {mutant.held_by} |", flush=True)  # noqa: T201
            continue
        harmful += 1
        caught += bool(machine or others)
        noticed = _told(machine, asked=not (is_quick and others))
        print(f"| {mutant.name} | {noticed} | {others or '—'} |", flush=True)  # noqa: T201
    print(f"\n{caught} of {harmful} caught")  # noqa: T201
    return 0 if caught >= 0.95 * harmful else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
