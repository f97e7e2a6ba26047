"""Who gets through which door: every address of the product, asked as everybody, with every kind of id.

The table is held against the product's own URL table: a new address without a row here fails.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ebbtide.apps.billing.services import meter
from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import GroupMember, Membership, Organization, User
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.runs.models import Plan
from ebbtide.domain.billing import month_of
from ebbtide.domain.identity import public_id
from ebbtide.pg.launcher import Urls
from tests.apps.billing.past import happened

from .conftest import CLOCK, World, days_ago, person, signed_in

SIGN_IN, REFUSED = "sign-in", 403


@dataclass(frozen=True)
class Door:
    """How an address answers: statuses for whoever may look on, and for whoever may change things."""

    view: int
    manage: int
    method: str = "get"
    member: int = REFUSED
    admin: int | None = None

    @property
    def admins(self) -> int:
        """How it answers an admin, who may do more than manage data."""
        return self.manage if self.admin is None else self.admin


OPEN = Door(view=200, manage=200)
CHANGES = Door(view=REFUSED, manage=200)
PEOPLE = Door(view=REFUSED, manage=REFUSED, admin=200)
DOORS = {
    "home": OPEN,
    "storage": OPEN,
    "aside": OPEN,
    "orphans": OPEN,
    "jobs": OPEN,
    "job": OPEN,
    "job_new": CHANGES,
    "job_new_preview": Door(view=REFUSED, manage=200, method="post"),
    "job_edit": CHANGES,
    "job_preview": Door(view=REFUSED, manage=200, method="post"),
    "job_pause": Door(view=REFUSED, manage=409, method="post"),  # without the version that was seen
    "job_resume": Door(view=REFUSED, manage=409),  # it is in force
    "job_delete": CHANGES,
    "job_restore": Door(view=REFUSED, manage=409),  # it is not deleted
    "runs": OPEN,
    "run": OPEN,
    "run_plan": OPEN,
    "run_progress": Door(view=302, manage=302),  # to the page, for whoever is not watching from it
    "run_stop": Door(view=REFUSED, manage=302, method="post"),
    "run_csv": OPEN,
    "run_json": OPEN,
    "why": OPEN,
    "plan_confirm": Door(view=REFUSED, manage=302, method="post"),
    "deletion": OPEN,
    "deletion_ask": CHANGES,
    "deletion_simulate": Door(view=REFUSED, manage=302, method="post"),
    "deletion_withdraw": Door(view=REFUSED, manage=302, method="post"),
    "deletion_stop": CHANGES,
    "deletion_release": CHANGES,
    "cost_forecast": OPEN,
    "cost_what_if": OPEN,
    "cost_budget": Door(view=REFUSED, manage=302, method="post"),
    "costs": OPEN,
    "costs_month": OPEN,
    "costs_pdf": OPEN,
    "insights": PEOPLE,  # for those who may see Insights, and admins
    "insights_agents": PEOPLE,
    "insights_channels": PEOPLE,
    "insights_targets": Door(view=REFUSED, manage=REFUSED, admin=422, method="post"),  # without a number of seconds
    "interactions": PEOPLE,
    "interaction": PEOPLE,
    "recording": PEOPLE,
    "recording_download": PEOPLE,
    "waveform": PEOPLE,
    "transcript": PEOPLE,
    "exports": PEOPLE,
    "exports_weigh": PEOPLE,
    "export_progress": Door(
        view=REFUSED, manage=REFUSED, admin=302
    ),  # to the page, for whoever is not watching from it
    "export_download": Door(view=REFUSED, manage=REFUSED, admin=409),  # it is not ready
    "export_cancel": Door(view=REFUSED, manage=REFUSED, admin=302, method="post"),
    "export_delete": Door(view=REFUSED, manage=REFUSED, admin=409, method="post"),
    "run_exports": Door(view=302, manage=302),  # as export_progress
    "people": PEOPLE,
    "access_log": PEOPLE,
    "person": PEOPLE,
    "person_invite": PEOPLE,
    "person_remove": PEOPLE,
    "invitation_resend": Door(view=REFUSED, manage=REFUSED, admin=302, method="post"),
    "invitation_revoke": Door(view=REFUSED, manage=REFUSED, admin=302, method="post"),
    "groups": PEOPLE,
    "group": PEOPLE,
    "group_new": PEOPLE,
    "group_delete": PEOPLE,
    "tokens": PEOPLE,
    "token_new": PEOPLE,
    "token_revoke": Door(view=REFUSED, manage=REFUSED, admin=302, method="post"),
}
DOWNLOADS = {
    "run_csv": "text/csv",
    # A run's report, for a person's own records: one file of numbers, saved by a link on the run's page. It is no
    # API: it takes nothing, there is no list of them, and only the cookie of somebody signed in opens it, for no
    # other site's page.
    "run_json": "application/json",
    "costs_pdf": "application/pdf",
    # A recording for a player, or to be kept: nothing of data management is in it.
    "recording": "application/octet-stream",
    "recording_download": "application/octet-stream",
}
"""Addresses whose answer is a file and not a page, each with what it is: the exceptions to "no API"."""
OF_ACCOUNT = {
    "account", "account_change_password", "account_reauthenticate", "mfa_activate_totp", "mfa_add_webauthn",
    "mfa_deactivate_totp", "mfa_edit_webauthn", "mfa_generate_recovery_codes", "mfa_index", "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_view_recovery_codes", "usersessions_list",
}  # fmt: skip
"""Pages of one's own account: for whoever is signed in."""
ENTRANCES = {
    "account_login", "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "invitation", "login", "mfa_authenticate", "mfa_login_webauthn", "set_up",
}  # fmt: skip
"""Pages for whoever is not signed in yet."""
OF_NO_ORG = {"start", "logout", "api", "api_openapi"} | OF_ACCOUNT | ENTRANCES
OF_PROGRAMS = {
    "api-root", "api_whoami", "api_segments", "api_segment", "api_interactions", "api_recordings", "api_recording",
    "api_recording_content", "api_transcripts", "api_transcript", "api_transcript_content",
    "feed", "feed_segments", "feed_media", "feed_media_by_key",
}  # fmt: skip
"""What programs may read and bring in with a token (tests/apps/retrieval and feed); no cookie opens any of it."""
OF_PLATFORM = {
    "requests", "request", "request_arm", "request_decline",
    "org_deletion", "org_disarm", "org_stop", "org_release",
}  # fmt: skip
"""The operator's pages of requests and arming: asked as everybody in test_activation.py."""
OF_CONSOLE = {
    "platform", "platform_org_new", "platform_org", "platform_org_settings", "platform_org_run",
    "platform_runs", "platform_run", "platform_switch", "platform_workers", "platform_store",
    "platform_throttle", "rate_card", "platform_costs",
}  # fmt: skip
"""The operator's other pages: asked as everybody in test_console.py."""


def patterns(resolver: URLResolver | None = None, *, before: str = "") -> Iterator[tuple[str, str]]:
    """Every route of the product: name and address with its converters."""
    for one in (resolver or get_resolver()).url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield one.name or route, route
        else:
            yield from patterns(one, before=route)


ROUTES = dict(patterns())


@pytest.fixture(autouse=True)
def _metered(world: World, database: Urls) -> None:
    """Both centres have a statement of the present month."""
    happened(database, CLOCK.now() - timedelta(days=2))
    for org in (world.alice, world.charlie):
        meter(org, clock=CLOCK)


def own(world: World) -> dict[str, str]:
    return {
        "org": public_id("org", world.alice.id),
        "job": public_id("job", world.job),
        "run": public_id("run", world.run),
        "plan": public_id("plan", world.plan),
        "mem": public_id("mem", world.member),
        "grp": public_id("grp", world.group),
        "inv": public_id("inv", world.invitation),
        "tok": public_id("tok", world.token),
        "int": "1",
        "uid": "1",
        "str": "wrong",
        "req": public_id("req", world.request),
        "exp": public_id("exp", world.export),
        "month": str(month_of(world.today)),
        "seg": call_of(world.alice),
        "rec": recording_of(world.alice),
    }


def call_of(org: Organization) -> str:
    """A segment that is here."""
    return str(segment_id(f"call-Sales-{days_ago(org, 1)}-0", pepper=bytes(org.pepper)))


def recording_of(org: Organization) -> str:
    """A recording that is here."""
    with acting_in(org.id):
        return public_id("rec", MediaObject.objects.order_by("-day", "id")[0].id)


def address(name: str, ids: dict[str, str]) -> str:
    return "/" + re.sub(r"<(\w+):\w+>", lambda found: ids[found[1]], ROUTES[name])


def ask(client: Client, name: str, ids: dict[str, str]) -> HttpResponse:
    answer = getattr(client, DOORS[name].method)(address(name, ids))
    assert isinstance(answer.headers, object)
    return answer  # type: ignore[no-any-return]


def said(answer: HttpResponse) -> str:
    """A page's text without what is drawn anew for each answer."""
    return re.sub(
        r'(x-csrftoken": |csrfmiddlewaretoken" value=|value=)"[A-Za-z0-9]{64}"', "token", answer.content.decode()
    )


def test_every_address_has_its_row() -> None:
    assert ROUTES.keys() == DOORS.keys() | OF_NO_ORG | OF_PLATFORM | OF_CONSOLE | OF_PROGRAMS
    assert all("<org:org>" in ROUTES[name] for name in DOORS)


def test_who_gets_in(world: World) -> None:
    ids = own(world)
    people = {who: signed_in(who) for who in ("alice", "bob", "bob.view", "bob.manage", "charlie")}
    for name, door in DOORS.items():
        nobody = ask(signed_in(None), name, ids)
        assert nobody.status_code == 302
        assert nobody["Location"].startswith("/sign-in/?next=/o/")
        expected = {
            "alice": door.admins,
            "bob": door.member,
            "bob.view": door.view,
            "bob.manage": door.manage,
            "charlie": 404,
        }
        for who, status in expected.items():
            answer = ask(people[who], name, ids)
            assert answer.status_code == status, (name, who)
            assert_shielded(answer)
            if status == REFUSED:
                assert "needs the permission to" in answer.content.decode()
                assert "Alice" in answer.content.decode()
            if status == 200:
                assert "no-store" in answer["Cache-Control"]


def assert_shielded(answer: HttpResponse) -> None:
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_an_operator_without_membership_stays_outside(world: World) -> None:
    person("olga@example.org", org=world.charlie, admin=True)
    User.objects.filter(email="olga@example.org").update(is_operator=True)
    olga = signed_in("olga")
    for name in DOORS:
        assert ask(olga, name, own(world)).status_code == 404


def test_pages_of_one_s_own_account_are_for_whoever_is_signed_in(world: World) -> None:
    ids = own(world)
    for name in OF_ACCOUNT:
        path = address(name, ids)
        for answer in (signed_in(None).get(path), signed_in(None).post(path)):
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/sign-in/?next=/account/"), name
        answer = signed_in("bob").get(path)
        assert answer.status_code in {200, 302, 404}, name
        assert_shielded(answer)
        if answer.status_code == 200:
            assert "no-store" in answer["Cache-Control"], name


def test_entrances_are_shielded_and_speak_to_people_alone(world: World) -> None:
    for name in ENTRANCES:
        for method in ("get", "post"):
            answer = getattr(signed_in(None), method)(
                address(name, own(world)), headers={"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"}
            )
            assert answer.status_code in {200, 302, 404, 405}, (name, method)
            assert answer["Content-Type"].startswith("text/html"), (name, method)
            assert_shielded(answer)


def test_foreign_missing_and_malformed_ids_look_the_same(world: World) -> None:
    foreign = {
        "org": public_id("org", world.charlie.id),
        "job": public_id("job", world.foreign_job),
        "run": public_id("run", world.foreign_run),
        "plan": public_id("plan", world.foreign_plan),
        "mem": public_id("mem", world.foreign_member),
        "grp": public_id("grp", world.foreign_group),
        "inv": public_id("inv", world.foreign_invitation),
        "req": public_id("req", world.foreign_request),
        "tok": public_id("tok", world.foreign_token),
        "exp": public_id("exp", world.foreign_export),
        "month": "1999-01",
        "seg": call_of(world.charlie),
        "rec": recording_of(world.charlie),
    }
    alice, ids = signed_in("alice"), own(world)
    for name in DOORS:
        for part in re.findall(r"<(\w+):", ROUTES[name]):
            answers = [ask(alice, name, {**ids, part: text}) for text in (foreign[part], *wrong(part, ids[part]))]
            assert {answer.status_code for answer in answers} == {404}, (name, part)
            assert len({said(answer) for answer in answers}) == 1, (name, part)
    with acting_in(world.charlie.id):
        assert RetentionJob.objects.get(id=world.foreign_job).deleted_at is None
        assert Plan.objects.get(id=world.foreign_plan).confirmed_at is None


def wrong(part: str, good: str) -> tuple[str, ...]:
    """Ids of that kind that are missing or malformed."""
    number = re.sub(r"\D", "", good)
    return (
        f"{part}_999999", f"{part}_999999999999999999", f"{part}_0", f"{part}_0{number}", f"{part}_-1", number,
        f"que_{number}", "null", f"{part}_{number}%00", f"{part}_{number}'", f"{part.upper()}_{number}", "%2e%2e",
        "x" * 1025,
    )  # fmt: skip


def test_an_address_that_leads_nowhere_says_what_a_foreign_organization_says(world: World) -> None:
    alice = signed_in("alice")
    foreign = alice.get(f"/o/org_{world.charlie.id}/")
    assert (foreign.status_code, said(foreign)) == (404, said(alice.get("/no/such/page")))


def test_a_right_taken_away_is_gone_at_the_next_click(world: World) -> None:
    bob, ids = signed_in("bob.manage"), own(world)
    assert ask(bob, "job_new", ids).status_code == 200
    with acting_in(world.alice.id):
        GroupMember.objects.filter(group__name="bob.manage@example.org").delete()
    assert ask(bob, "job_new", ids).status_code == 403
    assert ask(bob, "home", ids).status_code == 403
    with acting_in(world.alice.id):
        Membership.objects.filter(user__email="bob.manage@example.org").delete()
    assert ask(bob, "home", ids).status_code == 404


def test_a_form_without_its_token_is_refused(world: World) -> None:
    alice = signed_in("alice", strict=True)
    for name in ROUTES.keys() - OF_PROGRAMS:
        answer = alice.post(address(name, own(world)), {"days": "1"})
        assert answer.status_code == 403, name
        assert "The form was not accepted" in answer.content.decode()
    with acting_in(world.alice.id):
        assert RetentionJob.objects.filter(deleted_at__isnull=True).count() == 1
        assert Plan.objects.get(id=world.plan).confirmed_at is None


def test_programs_come_in_by_token_alone_and_never_to_data_management(world: World) -> None:
    """A cookie opens nothing of theirs; and what they can open is named nowhere near jobs, plans, runs and switches."""
    alice = signed_in("alice")
    for name in OF_PROGRAMS:
        route = ROUTES[name]
        assert route.startswith(("api/v1/", "feed/"))
        assert not re.search(r"job|plan|run|flag|hold|arm|switch|delet|people|org", route)
        answers = {ask("/" + re.sub(r"<[\w:]+>", "1", route)).status_code for ask in (alice.get, alice.post, alice.put)}
        assert answers == {401, 405}, name


@pytest.mark.parametrize("name", DOORS)  # each its own centre: some of these requests do change things
def test_no_address_speaks_to_programs(world: World, name: str) -> None:
    """Jobs and runs are managed by people; whatever a program asks for, it gets a page (or a file to save)."""
    alice = signed_in("alice")
    alice.defaults["HTTP_ACCEPT"] = "application/json"
    alice.defaults["HTTP_X_REQUESTED_WITH"] = "XMLHttpRequest"
    for method in ("get", "post", "put", "patch", "delete", "options"):
        answer = alice.generic(method.upper(), address(name, own(world)), "{}", content_type="application/json")
        file = name in DOWNLOADS and method == "get"
        assert answer["Content-Type"].startswith(DOWNLOADS[name] if file else "text/html"), method
        assert ("attachment" in answer.get("Content-Disposition", "")) == file
        assert "Access-Control-Allow-Origin" not in answer
        if method not in {"get", "post"}:
            assert answer.status_code == 405
    with acting_in(world.alice.id):
        assert RetentionJob.objects.filter(deleted_at__isnull=True, paused_at__isnull=True).count() == 1
