"""Two centres with people, data, jobs and runs, and a browser without a screen for each person."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_test_environment, teardown_test_environment

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.services import invite
from ebbtide.apps.activation.services import By, ask
from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Selection
from ebbtide.apps.exports.services import By as ExportBy
from ebbtide.apps.exports.services import ask as ask_export
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Membership, Organization, Permission, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.cast import calls, centre, load, record
from tests.conftest import own_database

CLOCK = SystemClock()
PASSWORD = "ebb-and-flow-4711"
BACKEND = "django.contrib.auth.backends.ModelBackend"
BOOKKEEPING = ("SELECT current_setting", "SELECT set_config", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


@dataclass
class World:
    """Alice's centre, and Charlie's beside it: the numbers of what each has."""

    alice: Organization
    charlie: Organization
    job: int
    foreign_job: int
    run: int
    foreign_run: int
    plan: int
    foreign_plan: int
    request: int
    foreign_request: int
    queues: dict[str, int]
    foreign_queue: int
    member: int
    foreign_member: int
    group: int
    foreign_group: int
    invitation: int
    foreign_invitation: int
    token: int
    foreign_token: int
    export: int
    foreign_export: int

    @property
    def today(self) -> date:
        return local_day(CLOCK.now(), zone=parse_zone(self.alice.zone))


def days_ago(org: Organization, days: int) -> date:
    return local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=days)


def fill(org: Organization) -> None:
    for age in (40, 11, 1):
        for queue in ("Sales", "Support"):
            day = days_ago(org, age)
            load(org, calls(queue, day=day, count=2))
            record(org, f"call-{queue}-{day}-0", kind=DataType.DESKTOP)


@cache
def hashed() -> str:
    """The password as it is stored: hashing is slow on purpose, so once is enough."""
    return make_password(PASSWORD)


def person(email: str, *, org: Organization, admin: bool = False, may: Permission | None = None) -> User:
    user = User.objects.create(email=email, password=hashed())
    membership = orgs.add_member(org.id, user=user, is_admin=admin)
    if may is not None:
        group = orgs.create_group(org.id, name=email, permissions={may})
        orgs.add_to_group(org.id, group=group, membership=membership)
    return user


def membership_of(org: Organization, user: User) -> int:
    with acting_in(org.id):
        return Membership.objects.get(user=user).id


def job_for(org: Organization, days: int, *, queues: frozenset[int] = frozenset(), what: What = What.ALL) -> int:
    kind = JobType.QUEUE if queues else JobType.GLOBAL
    return create_job(org.id, type=kind, what=what, days=Days(days), queues=queues, actor="test").id


def run_once(org: Organization) -> Run:
    return start_run(org.id, asked=Asked(trigger="manual", local_date=days_ago(org, 0)), clock=CLOCK)


def wish(org: Organization, name: str, *, run: Run) -> int:
    """Ask for deletion on a simulation; gives the request's number."""
    by = By(user=User.objects.get(email=f"{name}@example.org"), at=CLOCK.now(), url="http://localhost/")
    return ask(refreshed(org.id), run=public_id("run", run.id), note="", by=by).id


def operator(name: str) -> User:
    """An operator of the platform, who is a member of nothing."""
    return User.objects.create(email=f"{name}@example.org", password=hashed(), is_operator=True)


def queues_of(org: Organization) -> dict[str, int]:
    with acting_in(org.id):
        return {queue.name: queue.id for queue in catalog.queues(org=org.id)}


@pytest.fixture(scope="package", autouse=True)
def _contexts_are_kept() -> Iterator[None]:
    """Answers remember what their page was given."""
    setup_test_environment(debug=False)
    yield
    teardown_test_environment()


@dataclass(frozen=True)
class Made:
    """A world that stands, to be copied: its database, its data folder, its numbers."""

    database: str
    folder: Path
    world: World


@pytest.fixture(scope="session")
def made(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The world, made once in each test process: it takes a second, and copying it a fraction of one."""
    name, folder = f"world_{os.getpid()}", tmp_path_factory.mktemp("world")
    with own_database(server, name, template="ebbtide", folder=folder):
        return Made(name, folder, make_world())


@pytest.fixture
def template(request: pytest.FixtureRequest) -> str:
    """A copy of the world for tests that ask for it; an empty database for the others."""
    return request.getfixturevalue("made").database if "world" in request.fixturenames else "ebbtide"


@pytest.fixture
def world(database: object, made: Made, tmp_path: Path) -> World:
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return deepcopy(made.world)


def token_of(org: Organization) -> int:
    """A token that reads; gives its number."""
    return make_token(
        org.id,
        name="Warehouse",
        kind=TokenKind.READ,
        scopes=set(Scope),
        days=30,
        actor="test",
        now=CLOCK.now(),
        rank=Rank(),
    ).row.id


def make_world() -> World:
    alice, charlie = centre("Alice's"), centre("Charlie's", zone="America/New_York")
    for org in (alice, charlie):
        fill(org)
    jobs = [job_for(org, 30) for org in (alice, charlie)]
    runs = [run_once(org) for org in (alice, charlie)]
    person("alice@example.org", org=alice, admin=True)
    person("bob@example.org", org=alice)
    viewer = person("bob.view@example.org", org=alice, may=Permission.DATA_VIEW)
    person("bob.manage@example.org", org=alice, may=Permission.DATA_MANAGE)
    charlies = person("charlie@example.org", org=charlie, admin=True)
    groups = [orgs.create_group(org.id, name="Analysts", permissions=set()).id for org in (alice, charlie)]
    asked = [
        invite(
            org.id,
            email="new@example.org",
            is_admin=False,
            groups=[],
            actor="test",
            now=CLOCK.now(),
            base_url="http://localhost/",
        ).id
        for org in (alice, charlie)
    ]
    return World(
        alice=alice,
        charlie=charlie,
        job=jobs[0],
        foreign_job=jobs[1],
        run=runs[0].id,
        foreign_run=runs[1].id,
        plan=runs[0].plan_id,
        foreign_plan=runs[1].plan_id,
        request=wish(alice, "alice", run=runs[0]),
        foreign_request=wish(charlie, "charlie", run=runs[1]),
        queues=queues_of(alice),
        foreign_queue=queues_of(charlie)["Sales"],
        member=membership_of(alice, viewer),
        foreign_member=membership_of(charlie, charlies),
        group=groups[0],
        foreign_group=groups[1],
        invitation=asked[0],
        foreign_invitation=asked[1],
        token=token_of(alice),
        foreign_token=token_of(charlie),
        export=export_of(alice).id,
        foreign_export=export_of(charlie).id,
    )


def export_of(org: Organization) -> Export:
    """An export that somebody asked for, and nobody has made yet."""
    chosen = Selection(
        first=days_ago(org, 60),
        last=days_ago(org, 0),
        queues=tuple(sorted(queues_of(org).values())),
        types=tuple(DataType),
        format="csv",
    )
    return ask_export(org.id, selection=chosen, by=ExportBy("alice@example.org", CLOCK.now()))


def signed_in(name: str | None, *, strict: bool = False) -> Client:
    """A client in which this person is signed in; `strict` checks CSRF as a real server does."""
    client = Client(enforce_csrf_checks=strict, headers={"host": "localhost"}, raise_request_exception=True)
    if name is not None:
        client.force_login(User.objects.get(email=f"{name}@example.org"), backend=BACKEND)
    return client


@pytest.fixture
def alice(world: World) -> Client:
    return signed_in("alice")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collects the statements of the web role that ask for or change data, without the bookkeeping of transactions."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [one["sql"] for one in captured.captured_queries if not one["sql"].startswith(BOOKKEEPING)]
