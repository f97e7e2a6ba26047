"""Switching deletion on and off by its pages: who may, on what evidence, and who is told."""

import re
import threading

import psycopg
import pytest
from django.core import mail
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from ebbtide.apps.activation import services
from ebbtide.apps.activation.models import Request
from ebbtide.apps.activation.selectors import history
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs.planning import confirm_plan, make_plan
from ebbtide.apps.runs.services import Asked, simulate, start_run, turn_switch
from ebbtide.apps.runs.tasks import defer_simulation, simulation_is_waiting
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import EvidenceStale, InputInvalid, Taken
from ebbtide.domain.evidence import Evidence, check_growth, most_due
from ebbtide.domain.identity import public_id
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from ebbtide.stores.objects import Objects
from tests.cast import calls, everything, load, record

from .conftest import CLOCK, World, days_ago, job_for, operator, person, signed_in, statements
from .test_doors import DOORS, OF_PLATFORM, address, assert_shielded, own, said

REASON = {"reason": "looked at it"}
ARM = {"reason": "looked at it", "name": "Alice's"}


@pytest.fixture
def olga(world: World) -> Client:
    """An operator who is a member of nothing."""
    operator("olga")
    mail.outbox.clear()
    return signed_in("olga")


def state(org: Organization) -> tuple[bool, bool]:
    found = refreshed(org.id)
    return found.armed, found.stopped


def request_of(org: Organization, number: int) -> Request:
    with acting_in(org.id):
        return Request.objects.get(id=number)


def happened(org: Organization) -> list[str]:
    with acting_in(org.id):
        return [one.what for one in sorted(history(org=org.id), key=lambda one: one.at)]


def words(answer: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("&#x27;", "'").split())


def followed(client: Client, path: str, data: dict[str, str]) -> str:
    return words(client.post(path, data, follow=True))


def of(name: str, world: World) -> str:
    return address(name, own(world))


# Who may


EVERYBODY = (None, "bob", "bob.view", "bob.manage", "alice", "charlie")
FORGED = {"reason": "give it to me", "name": "Alice's", "armed": "true", "operator": "1", "is_operator": "on"}


def test_the_operators_pages_are_the_operators_alone(world: World, olga: Client) -> None:
    """Whatever is sent to them, by whatever method: to everybody else there is no such page."""
    nowhere = said(signed_in("alice").get("/no/such/page"))
    for name in OF_PLATFORM:
        for who in EVERYBODY:
            client = signed_in(who)
            for method in ("get", "post", "put", "patch", "delete", "head", "options"):
                answer = getattr(client, method)(of(name, world), FORGED if method == "post" else {})
                if method in {"put", "patch", "delete", "options"} or (method, answer.status_code) == ("post", 405):
                    assert answer.status_code == 405, (name, who, method)
                elif who is None:
                    assert answer.status_code == 302
                    assert answer["Location"].startswith("/sign-in/?next=/platform/")
                else:
                    assert answer.status_code == 404, (name, who, method)
                    assert method == "head" or said(answer) == said(client.get("/no/such/page"))
                assert_shielded(answer)
        assert olga.get(of(name, world)).status_code == 200, name
    assert nowhere
    for org in (world.alice, world.charlie):
        assert state(org) == (False, False)
    assert request_of(world.alice, world.request).state == "open"
    assert mail.outbox == []


def test_no_form_of_an_organization_arms(world: World) -> None:
    """Every page of theirs, by everybody who may go in and everybody who may not, with all that could be meant."""
    for name in DOORS:
        if name in {"deletion_withdraw", "job_delete"}:
            continue
        for who in EVERYBODY:
            signed_in(who).post(of(name, world), {**FORGED, "request": str(world.request), "state": "armed"})
    assert not refreshed(world.alice.id).armed
    assert not refreshed(world.charlie.id).armed
    assert request_of(world.charlie, world.foreign_request).state == "open"


def test_an_admin_who_is_an_operator_elsewhere_is_no_operator(world: World) -> None:
    """A right taken away is gone at the next click."""
    operator("olga")
    client = signed_in("olga")
    assert client.get(of("requests", world)).status_code == 200
    User.objects.filter(email="olga@example.org").update(is_operator=False)
    assert client.post(of("request_arm", world), ARM).status_code == 404
    assert state(world.alice) == (False, False)


def test_foreign_missing_and_malformed_ids_look_the_same_to_operators(world: World, olga: Client) -> None:
    for name in OF_PLATFORM - {"requests"}:
        part = "req" if name.startswith("request") else "org"
        ids = own(world)
        texts = (f"{part}_999999", f"{part}_0", "null", f"{part}_1'", "run_1", "%2e%2e", f"{part}_999999999999999999")
        answers = [olga.get(address(name, {**ids, part: text})) for text in texts]
        assert {answer.status_code for answer in answers} == {404}, name
        assert len({said(answer) for answer in answers}) == 1


def test_a_form_without_its_token_is_refused(world: World) -> None:
    operator("olga")
    for name in OF_PLATFORM - {"requests", "request", "org_deletion"}:
        assert signed_in("olga", strict=True).post(of(name, world), ARM).status_code == 403
    assert state(world.alice) == (False, False)


# Asking


@pytest.fixture
def unasked(world: World) -> World:
    """The cast without an open request of Alice's centre."""
    signed_in("alice").post(of("deletion_withdraw", world))
    mail.outbox.clear()
    return world


def asking(world: World, **changed: str) -> dict[str, str]:
    with acting_in(world.alice.id) as cursor:
        cursor.execute("SELECT max(id) FROM runs_run")
        newest = cursor.fetchone()[0]
    return {"name": "Alice's", "seen": "on", "run": f"run_{newest}", "note": "Call me back", **changed}


def test_asking_stores_the_evidence_and_tells_the_operators(unasked: World) -> None:
    world = unasked
    operator("olga")
    operator("former")
    User.objects.filter(email="former@example.org").update(is_active=False)
    page = followed(signed_in("bob.manage"), of("deletion_ask", world), asking(world))
    assert "Your request was sent to the platform operator." in page
    assert "Your request waits for the platform operator" in page
    with acting_in(world.alice.id):
        made = Request.objects.get(state="open")
        plan = make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    assert (made.asked_by, made.note, made.items, made.population) == ("bob.manage@example.org", "Call me back", 6, 18)
    assert (made.run_id, made.jobs_version) == (world.run, plan.jobs_version)
    assert bytes(made.sha256) == bytes(plan.sha256), "the very cells that are still due"
    (letter,) = mail.outbox
    assert letter.to == ["olga@example.org"]
    assert letter.subject == "Alice's: deletion is to be switched on"
    assert "The first live night would take 6 of 18 items." in letter.body
    assert f"http://localhost/platform/orgs/org_{world.alice.id}/deletion/" in letter.body
    assert not refreshed(world.alice.id).armed


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "alice's"}, "That is not the organization's name"),
        ({"name": ""}, "Type the organization's name."),
        ({"seen": ""}, "Look at the numbers first, then tick this."),
        ({"note": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_a_form_that_is_not_right_keeps_what_was_typed(unasked: World, changed: dict[str, str], says: str) -> None:
    world = unasked
    answer = signed_in("alice").post(of("deletion_ask", world), asking(world, **changed))
    assert answer.status_code == 422
    assert says in words(answer)
    if "note" not in changed:
        assert "Call me back" in words(answer)
    assert happened(world.alice) == ["asked", "withdrawn"]
    assert mail.outbox == []


def test_one_open_request_at_a_time(world: World) -> None:
    assert "There is an open request already" in followed(signed_in("alice"), of("deletion_ask", world), asking(world))
    assert happened(world.alice) == ["asked"]


def test_two_who_ask_at_once(unasked: World) -> None:
    """A double click, or two admins: one request, and the other is told."""
    world = unasked
    org, alice = refreshed(world.alice.id), User.objects.get(email="alice@example.org")
    said_: list[str] = []
    start = threading.Barrier(2)

    def go() -> None:
        start.wait(30)
        try:
            by = services.By(user=alice, at=CLOCK.now(), url="http://localhost/")
            services.ask(org, run=public_id("run", world.run), note="", by=by)
            said_.append("asked")
        except Taken as exc:
            said_.append(exc.code)
        finally:
            connections.close_all()

    both = [threading.Thread(target=go) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert sorted(said_) == ["asked", "taken"]
    assert happened(world.alice) == ["asked", "withdrawn", "asked"]


def test_another_simulation_has_come_in(unasked: World) -> None:
    world = unasked
    shown = asking(world)
    simulate(world.alice.id, clock=CLOCK)
    page = followed(signed_in("alice"), of("deletion_ask", world), shown)
    assert "Another simulation has come in since you opened this page" in page
    assert happened(world.alice) == ["asked", "withdrawn"]


def test_what_does_not_bear_a_request(unasked: World, database: Urls) -> None:
    world = unasked
    alice = signed_in("alice")
    job_for(world.alice, 20)
    assert "The retention jobs have changed since the simulation." in words(alice.get(of("deletion", world)))
    assert "cannot be asked for now" in followed(alice, of("deletion_ask", world), asking(world))
    simulate(world.alice.id, clock=CLOCK)
    assert alice.get(of("deletion_ask", world)).status_code == 200
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE runs_plan SET made_at = now() - interval '49 hours'")
    assert "The simulation is 49 hours old; 48 are allowed." in words(alice.get(of("deletion", world)))
    assert "cannot be asked for now" in followed(alice, of("deletion_ask", world), asking(world))
    asked = Asked(trigger="manual", local_date=days_ago(world.alice, 0), as_of=days_ago(world.alice, 10))
    start_run(world.alice.id, asked=asked, clock=CLOCK)
    assert "The newest run looked at an earlier night" in words(alice.get(of("deletion", world)))
    assert "cannot be asked for now" in followed(alice, of("deletion_ask", world), asking(world))
    assert happened(world.alice) == ["asked", "withdrawn"]


def test_a_request_that_expired_is_replaced(world: World, olga: Client, database: Urls) -> None:
    job_for(world.alice, 20)
    assert "Your request has expired" in words(signed_in("alice").get(of("deletion", world)))
    assert "Expired" in words(olga.get(of("requests", world) + "?state=expired"))
    assert "No open request" not in words(olga.get(of("requests", world))), "Charlie's is open"
    simulate(world.alice.id, clock=CLOCK)
    followed(signed_in("alice"), of("deletion_ask", world), asking(world))
    assert happened(world.alice) == ["asked", "expired", "asked"]
    assert request_of(world.alice, world.request).state == "expired"


# The operator's answer


def test_arming_and_who_is_told(world: World, olga: Client) -> None:
    person("ada@example.org", org=world.alice, admin=True)
    page = followed(olga, of("request_arm", world), ARM)
    assert "Deletion is switched on for Alice's." in page
    assert state(world.alice) == (True, False)
    assert state(world.charlie) == (False, False)
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"], ["alice@example.org"]]
    assert mail.outbox[0].subject == "Alice's: deletion is switched on"
    assert "looked at it" in mail.outbox[0].body
    assert "olga" not in mail.outbox[0].body
    theirs = words(signed_in("bob.view").get(of("deletion", world)))
    assert "Switched on since" in theirs
    assert "Switched on by: Platform operator. Reason: looked at it" in theirs
    assert "olga" not in theirs
    assert "olga@example.org" in words(olga.get(of("org_deletion", world)))


def test_declining_and_asking_again(world: World, olga: Client) -> None:
    assert followed(olga, of("request_decline", world), {"reason": ""}).count("Give a reason") == 2
    followed(olga, of("request_decline", world), {"reason": "A dispute is open"})
    assert state(world.alice) == (False, False)
    (letter,) = mail.outbox
    assert "A dispute is open" in letter.body
    theirs = words(signed_in("alice").get(of("deletion", world)))
    assert "Your request was declined" in theirs
    assert "A dispute is open" in theirs
    assert "olga" not in theirs
    followed(signed_in("alice"), of("deletion_ask", world), asking(world))
    assert happened(world.alice) == ["asked", "declined", "asked"]


@pytest.mark.parametrize(("name", "reason"), [("alice's", "x"), ("", "x"), ("Alice's", ""), ("Alice's", "  ")])
def test_arming_asks_for_name_and_reason(world: World, olga: Client, name: str, reason: str) -> None:
    assert olga.post(of("request_arm", world), {"name": name, "reason": reason}).status_code == 422
    assert state(world.alice) == (False, False)


def test_arming_is_refused_when_the_jobs_have_changed(world: World, olga: Client) -> None:
    job_for(world.alice, 400)
    shown = words(olga.get(of("request_arm", world)))
    assert "The retention jobs have changed since the simulation. The organization has to ask anew." in shown
    assert "The retention jobs have changed since the simulation. Nothing was switched on" in followed(
        olga, of("request_arm", world), ARM
    )
    assert state(world.alice) == (False, False)
    assert mail.outbox == []


def test_arming_is_refused_when_the_evidence_is_old(world: World, olga: Client, database: Urls) -> None:
    with psycopg.connect(database.superuser) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE activation_request SET simulated_at = now() - interval '50 hours'")
    assert "The simulation is 50 hours old; 48 are allowed. Nothing was switched on" in followed(
        olga, of("request_arm", world), ARM
    )
    assert state(world.alice) == (False, False)


def test_arming_is_refused_when_much_more_is_due(world: World, olga: Client) -> None:
    load(world.alice, calls("Sales", day=days_ago(world.alice, 50), count=1006, prefix="more"))
    assert "1,012 items are due by now; the request showed 6." in words(olga.get(of("request_arm", world)))
    load(world.alice, calls("Sales", day=days_ago(world.alice, 51), count=1, prefix="one more"))
    assert "1,013 items are due now and 6 were shown" in followed(olga, of("request_arm", world), ARM)
    assert state(world.alice) == (False, False)


def test_how_much_more_may_be_due() -> None:
    shown = Evidence(CLOCK.now(), 1, 500)
    assert most_due(500) == 2000
    check_growth(shown, due=2000)
    with pytest.raises(EvidenceStale, match="2,001 items are due now and 500 were shown"):
        check_growth(shown, due=2001)


def test_arming_while_a_switch_is_on_is_allowed_and_said(world: World, olga: Client) -> None:
    turn_switch(on=True, reason="court")
    orgs.stop_organization(world.alice.id, on=True, reason="wait", actor="operator root", now=CLOCK.now())
    shown = words(olga.get(of("request_arm", world)))
    assert "The platform's kill switch is on: armed or not, nothing is deleted until it is off." in shown
    assert "The organization's kill switch is on: armed or not, nothing is deleted until it is off." in shown
    followed(olga, of("request_arm", world), ARM)
    assert state(world.alice) == (True, True)


def test_who_comes_second_is_told(world: World, olga: Client) -> None:
    operator("oscar")
    followed(olga, of("request_arm", world), ARM)
    assert "The request is not open any more: it was granted." in followed(
        signed_in("oscar"), of("request_arm", world), ARM
    )
    assert "The request is not open any more" in followed(olga, of("request_decline", world), REASON)
    assert "The request is not open any more" in followed(signed_in("alice"), of("deletion_withdraw", world), {})
    assert happened(world.alice) == ["asked", "armed"]
    assert state(world.alice) == (True, False)


def test_a_withdrawn_request_arms_nothing(world: World, olga: Client) -> None:
    followed(signed_in("bob.manage"), of("deletion_withdraw", world), {})
    assert "it was withdrawn" in followed(olga, of("request_arm", world), ARM)
    assert state(world.alice) == (False, False)


def test_the_web_arms_only_on_a_request(world: World, olga: Client) -> None:
    """An armed organization that was disarmed has to ask anew."""
    followed(olga, of("request_arm", world), ARM)
    followed(olga, of("org_disarm", world), REASON)
    assert "not open any more" in followed(olga, of("request_arm", world), ARM)
    assert state(world.alice) == (False, False)
    assert [letter.subject for letter in mail.outbox][1:] == ["Alice's: deletion is switched off"]
    assert "Deletion was off already" in followed(olga, of("org_disarm", world), REASON)


def test_a_letter_that_cannot_be_sent_stops_nothing(
    world: World, olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_more: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("ebbtide.apps.activation.mail.send_mail", refused)
    followed(olga, of("request_arm", world), ARM)
    assert state(world.alice) == (True, False)


# Disarming, mid-run


def test_disarming_in_the_middle_of_a_run(world: World, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is destroying objects: the answer comes when it is at rest, and after it nothing goes; Charlie's stays."""
    for age in range(50, 60):
        day = days_ago(world.alice, age)
        load(world.alice, calls("Sales", day=day, count=2, prefix="old"))
        record(world.alice, f"old-Sales-{day}-0", kind=DataType.AUDIO)
    followed(olga, of("request_arm", world), ARM)
    neighbour = everything(world.charlie)
    plan = make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    confirm_plan(world.alice.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    destroying, go_on, answered = threading.Event(), threading.Event(), threading.Event()
    destroyed_after: list[str] = []
    original = Objects.destroy

    def slowly(self: Objects, *args: object, **more: object) -> object:
        if answered.is_set():
            destroyed_after.append("an object")
        destroying.set()
        assert go_on.wait(30)
        return original(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Objects, "destroy", slowly)
    ended: list[object] = []

    def run() -> None:
        asked = Asked(trigger="manual", local_date=days_ago(world.alice, 0), plan_id=public_id("plan", plan.id))
        ended.append(start_run(world.alice.id, asked=asked, clock=SystemClock()))
        connections.close_all()

    def disarm() -> None:
        followed(signed_in("olga"), of("org_disarm", world), REASON)
        left.append(everything(world.alice).segments)
        answered.set()
        connections.close_all()

    left: list[frozenset[object]] = []
    running = threading.Thread(target=run)
    running.start()
    assert destroying.wait(30)
    disarming = threading.Thread(target=disarm)
    disarming.start()
    disarming.join(1)
    assert disarming.is_alive(), "objects are in flight"
    go_on.set()
    disarming.join(30)
    running.join(30)
    (ended_run,) = ended
    assert ended_run.outcome == "incomplete"  # type: ignore[attr-defined]
    assert destroyed_after == []
    assert everything(world.alice).segments == left[0], "nothing went after the answer"
    assert ended_run.not_reached > 0  # type: ignore[attr-defined]
    assert everything(world.charlie) == neighbour
    assert state(world.alice) == (False, False)


# The organization's kill switch


def test_stopping_and_releasing(world: World, olga: Client) -> None:
    followed(olga, of("request_arm", world), ARM)
    mail.outbox.clear()
    bob, alice = signed_in("bob.manage"), signed_in("alice")
    assert bob.post(of("deletion_stop", world), {"reason": ""}).status_code == 422
    assert "All deletion of this organization is stopped." in followed(bob, of("deletion_stop", world), REASON)
    assert state(world.alice) == (True, True)
    assert [letter.to for letter in mail.outbox] == [["olga@example.org"]]
    assert "Somebody else has switched it on" in words(alice.post(of("deletion_release", world), REASON))
    assert "was on already" in followed(alice, of("deletion_stop", world), REASON)
    assert state(world.alice) == (True, True)
    assert "The kill switch is off." in followed(bob, of("deletion_release", world), REASON)
    followed(olga, of("org_stop", world), REASON)
    assert "Somebody else has switched it on" in words(bob.post(of("deletion_release", world), REASON))
    assert state(world.alice) == (True, True)
    assert "Platform operator has switched your kill switch on" in words(alice.get(of("deletion", world)))
    followed(olga, of("org_release", world), REASON)
    assert state(world.alice) == (True, False)
    assert happened(world.alice) == ["asked", "armed", "stopped", "released", "stopped", "released"]


# Simulating now


def test_a_simulation_is_asked_for_and_made_by_the_worker(unasked: World) -> None:
    world = unasked
    job_for(world.alice, 20)
    alice = signed_in("alice")
    page = alice.post(of("deletion_simulate", world), follow=True)
    assert "A simulation is being made." in words(page)
    assert 'hx-trigger="every 3s"' in page.content.decode()
    assert simulation_is_waiting(world.alice.id)
    assert not simulation_is_waiting(world.charlie.id)
    assert "A simulation has been asked for already." in followed(alice, of("deletion_simulate", world), {})
    assert not defer_simulation(world.alice.id)
    before = everything(world.alice)
    assert simulate(world.alice.id, clock=CLOCK).outcome == "simulated"
    assert everything(world.alice) == before


def test_a_new_simulation_is_new_enough(unasked: World) -> None:
    assert "it is new enough" in followed(signed_in("alice"), of("deletion_simulate", unasked), {})
    assert not simulation_is_waiting(unasked.alice.id)


def test_an_armed_organization_is_not_simulated(world: World, olga: Client) -> None:
    """Not by the page, and not by a job that was put into the queue before."""
    followed(olga, of("request_arm", world), ARM)
    assert "a run would not be a simulation" in followed(signed_in("alice"), of("deletion_simulate", world), {})
    before = everything(world.alice)
    with pytest.raises(InputInvalid, match="is armed: a run of it would delete"):
        simulate(world.alice.id, clock=CLOCK)
    assert everything(world.alice) == before
    assert not simulation_is_waiting(world.alice.id)


# What is shown


def test_what_is_due_is_what_a_plan_names(world: World, olga: Client) -> None:
    """The page adds up by the database what a plan names cell by cell."""
    job_for(world.alice, 5, queues=frozenset({world.queues["Sales"]}))
    load(world.alice, calls("Sales", day=days_ago(world.alice, 7), count=3, prefix="later"))
    plan = make_plan(world.alice.id, as_of=None, now=CLOCK.now())
    page = olga.get(of("request", world)).context["page"]
    assert page.items_now == plan.items
    assert page.bytes_now == plan.bytes
    assert page.evidence.items == 6
    assert {line.more for line in page.night.rows} >= {0, 5}
    assert not page.may_arm


def test_tables_can_be_sorted_searched_and_taken_away(world: World, olga: Client) -> None:
    theirs = signed_in("bob.view")
    night = b"".join(theirs.get(of("deletion", world) + "?csv=night")).decode()  # type: ignore[call-overload]
    assert night.splitlines()[0].endswith('"q","data type","items","bytes","oldest","newest"')
    assert '"Sales","insights","2"' in night
    page = theirs.get(of("deletion", world) + "?night.find=supp&night.sort=q").context["page"]
    assert {line.queue for line in page.night.rows} == {"Support"}
    log = b"".join(theirs.get(of("deletion", world) + "?csv=history")).decode()  # type: ignore[call-overload]
    assert '"Asked","alice@example.org"' in log
    listed = b"".join(olga.get(of("requests", world) + "?csv=requests")).decode()  # type: ignore[call-overload]
    assert "Alice's" in listed
    assert "Charlie's" in listed
    shown = olga.get(of("requests", world) + "?requests.sort=percent&requests.find=charlie").context["page"]
    assert [line.org.name for line in shown.requests.rows] == ["Charlie's"]
    assert olga.get(of("requests", world) + "?state=armed").context["page"].requests.rows == ()
    assert olga.get(of("requests", world) + "?state=odd").status_code == 422
    for name in ("request", "org_deletion"):
        assert b"".join(olga.get(of(name, world) + "?csv=history")).count(b"Asked") == 1  # type: ignore[call-overload]


def test_pages_cost_few_queries(world: World, olga: Client) -> None:
    for client, name in (
        (signed_in("alice"), "deletion"), (signed_in("alice"), "deletion_ask"), (olga, "requests"), (olga, "request"),
        (olga, "request_arm"), (olga, "org_deletion"),
    ):  # fmt: skip
        with statements() as asked:
            client.get(of(name, world))
        assert len(asked) <= 20, (name, len(asked))
