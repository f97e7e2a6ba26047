"""Members and groups: changed by admins, and by who may manage users within what they have; all of it written down."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from ebbtide.apps.accounts import groups, members
from ebbtide.apps.accounts.models import Invitation, PeopleChange
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Group, GroupMember, Membership, Permission, User
from ebbtide.apps.orgs.selectors import access
from ebbtide.domain.errors import Refused, Taken
from tests.apps.web.conftest import statements
from tests.apps.web.test_doors import said

from .conftest import Centres, letters, signed_in


def may(name: str, centres: Centres) -> set[str]:
    found = access(User.objects.get(email=f"{name}@example.org"), org_id=f"org_{centres.alice.id}")
    return {"admin"} if found.is_admin else {str(one) for one in found.permissions}


def history(centres: Centres) -> list[tuple[str, str, str]]:
    with acting_in(centres.alice.id):
        return list(PeopleChange.objects.order_by("id").values_list("action", "subject", "actor"))


def base(centres: Centres) -> str:
    return f"/o/org_{centres.alice.id}/people/"


def change(client: Client, centres: Centres, name: str, **given: object):  # type: ignore[no-untyped-def]
    return client.post(f"{base(centres)}{centres.member(name)}/", given)


def test_a_group_is_made_and_its_permissions_count_from_the_next_click_and_end_so(centres: Centres) -> None:
    admin, bob = signed_in("alice"), signed_in("bob")
    jobs = f"/o/org_{centres.alice.id}/jobs/"
    assert bob.get(jobs).status_code == 403
    form = {"name": "Analysts", "permissions": ["data_management.view"], "members": [centres.member("bob")]}
    assert admin.post(f"{base(centres)}groups/new/", form).status_code == 302
    assert bob.get(jobs).status_code == 200
    assert bob.get(f"{jobs}new/").status_code == 403
    with acting_in(centres.alice.id):
        group = Group.objects.get(name="Analysts").id
    address = f"{base(centres)}groups/grp_{group}/"
    admin.post(address, {**form, "permissions": ["data_management.manage"]})
    assert bob.get(f"{jobs}new/").status_code == 200
    admin.post(address, {**form, "permissions": ["insights.view"]})
    assert bob.get(jobs).status_code == 403
    admin.post(address, {**form, "permissions": ["data_management.view"], "members": []})
    assert bob.get(jobs).status_code == 403
    change(admin, centres, "bob", groups=[f"grp_{group}"])
    assert bob.get(jobs).status_code == 200
    admin.post(f"{address}delete/")
    assert bob.get(jobs).status_code == 403
    page = admin.get(base(centres)).content.decode()
    for words in (
        "Created the group Analysts (Data Management: view; members: bob@example.org)",
        "permissions from Data Management: view to Data Management: manage",
        "removed bob@example.org",
        "Changed the groups of bob@example.org from none to Analysts",
        "Deleted the group Analysts",
    ):
        assert words in page, words


def test_who_may_manage_users_gives_no_more_than_they_have(centres: Centres) -> None:
    mona = signed_in("mona")
    before = history(centres)
    for refused in (
        change(mona, centres, "bob", groups=[f"grp_{centres.viewers}"]),
        mona.post(f"{base(centres)}groups/new/", {"name": "Mine", "permissions": ["data_management.view"]}),
        mona.post(f"{base(centres)}groups/new/", {"name": "Mine", "permissions": ["recordings.listen"]}),
        mona.post(f"{base(centres)}invite/", {"email": "eve@example.org", "groups": [f"grp_{centres.viewers}"]}),
        mona.post(f"{base(centres)}invite/", {"email": "eve@example.org", "is_admin": "on"}),
        mona.post(
            f"{base(centres)}groups/grp_{centres.managers}/",
            {"name": "Managers", "permissions": ["users.manage", "data_management.manage"]},
        ),
        mona.post(
            f"{base(centres)}groups/grp_{centres.viewers}/",
            {"name": "Viewers", "permissions": ["data_management.view"], "members": [centres.member("mona")]},
        ),
        mona.post(f"{base(centres)}groups/grp_{centres.viewers}/", {"name": "Renamed", "permissions": []}),
    ):
        assert refused.status_code == 422
    for refused in (
        mona.post(f"{base(centres)}groups/grp_{centres.viewers}/delete/"),
        mona.post(f"{base(centres)}{centres.member('alice')}/remove/"),
    ):
        assert refused.status_code == 400
    with acting_in(centres.alice.id):
        own = GroupMember.objects.get(membership__user__email="mona@example.org").group_id
    change(mona, centres, "bob", is_admin="on")
    change(mona, centres, "mona", is_admin="on", groups=[f"grp_{own}"])
    assert change(mona, centres, "alice").status_code == 422
    assert (may("bob", centres), may("mona", centres), may("alice", centres)) == (set(), {"users.manage"}, {"admin"})
    assert history(centres) == before
    assert not letters()
    with acting_in(centres.alice.id):
        assert not Invitation.objects.exists()


def test_who_may_manage_users_does_what_is_theirs_to_do(centres: Centres) -> None:
    mona, admin = signed_in("mona"), signed_in("alice")
    assert mona.get("/")["Location"] == base(centres), "there is nothing else for them"
    change(admin, centres, "bob", groups=[f"grp_{centres.viewers}"])
    assert change(mona, centres, "bob", groups=[f"grp_{centres.managers}"]).status_code == 302
    assert may("bob", centres) == {"users.manage", "data_management.view"}, "what is beyond them stays as it was"
    mona.post(f"{base(centres)}invite/", {"email": "new@example.org", "groups": [f"grp_{centres.managers}"]})
    assert len(letters()) == 1
    assert mona.post(f"{base(centres)}{centres.member('bob')}/remove/").status_code == 302
    with acting_in(centres.alice.id):
        assert not Membership.objects.filter(user__email="bob@example.org").exists()
    assert signed_in("bob").get(base(centres)).status_code == 404


def test_an_admin_s_invitation_is_not_a_manager_s_to_touch(centres: Centres) -> None:
    admin, mona = signed_in("alice"), signed_in("mona")
    admin.post(f"{base(centres)}invite/", {"email": "second@example.org", "is_admin": "on"})
    admin.post(f"{base(centres)}invite/", {"email": "third@example.org", "groups": [f"grp_{centres.viewers}"]})
    with acting_in(centres.alice.id):
        numbers = list(Invitation.objects.values_list("id", flat=True))
    for number in numbers:
        for what in ("resend", "revoke"):
            assert mona.post(f"{base(centres)}invitations/inv_{number}/{what}/").status_code in {400, 422}
    assert "Take back" not in mona.get(base(centres)).content.decode()
    with acting_in(centres.alice.id):
        assert Invitation.objects.filter(revoked_at__isnull=True).count() == 2


def test_the_last_admin_stays(centres: Centres) -> None:
    admin = signed_in("alice")
    change(admin, centres, "alice")
    assert may("alice", centres) == {"admin"}
    assert admin.post(f"{base(centres)}{centres.member('alice')}/remove/").status_code == 400
    alice = centres.member("alice")
    for act in (
        lambda: members.change_member(
            centres.alice.id, member_id=alice, is_admin=False, groups=[], actor="t", rank=Rank()
        ),
        lambda: members.remove_member(centres.alice.id, member_id=alice, actor="t", rank=Rank()),
    ):
        with pytest.raises(Refused):
            act()
    change(admin, centres, "bob", is_admin="on")
    assert may("bob", centres) == {"admin"}
    assert change(admin, centres, "alice").status_code == 302
    assert may("alice", centres) == set()
    assert admin.get(base(centres)).status_code == 403
    assert [one for one in history(centres) if one[0].startswith("admin")] == [
        ("admin_given", "bob@example.org", "alice@example.org"),
        ("admin_taken", "alice@example.org", "alice@example.org"),
    ]


def test_two_admins_cannot_take_each_other_away_at_once(centres: Centres) -> None:
    change(signed_in("alice"), centres, "bob", is_admin="on")
    both = [centres.member("alice"), centres.member("bob")]
    for _round in range(5):
        together = threading.Barrier(2)

        def leave(member: str, together: threading.Barrier = together) -> bool:
            together.wait(20)
            try:
                members.change_member(
                    centres.alice.id, member_id=member, is_admin=False, groups=[], actor="t", rank=Rank()
                )
            except (Refused, Taken):
                return False
            finally:
                connections.close_all()
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(leave, both)) == 1
        with acting_in(centres.alice.id):
            assert Membership.objects.filter(is_admin=True).count() == 1
            Membership.objects.filter(user__email__in=["alice@example.org", "bob@example.org"]).update(is_admin=True)


def test_somebody_leaves(centres: Centres) -> None:
    change(signed_in("alice"), centres, "bob", is_admin="on")
    bob = signed_in("bob")
    page = bob.post(f"{base(centres)}{centres.member('bob')}/remove/", follow=True)
    assert "You are no member of Alice&#x27;s any more." in page.content.decode()


def test_things_of_others_look_missing(centres: Centres) -> None:
    admin = signed_in("alice")
    nowhere = said(admin.get(f"{base(centres)}mem_999999/"))
    foreign = (centres.member("charlie"), f"grp_{centres.foreign_group}")
    for address in (
        f"{foreign[0]}/", f"{foreign[0]}/remove/", f"groups/{foreign[1]}/", f"groups/{foreign[1]}/delete/",
        "mem_999999/", "groups/grp_999999/", "groups/mem_1/", "groups/grp_0/", "grp_1/",
    ):  # fmt: skip
        for answer in (admin.get(base(centres) + address), admin.post(base(centres) + address, {"name": "x"})):
            assert answer.status_code == 404, address
            assert said(answer) == nowhere
    for ids in ({"groups": [foreign[1]]}, {"groups": ["grp_x"]}, {"groups": ["mem_1"]}):
        assert change(admin, centres, "bob", **ids).status_code == 422
    answer = admin.post(f"{base(centres)}groups/new/", {"name": "Mixed", "members": [foreign[0]]})
    assert answer.status_code == 422
    with acting_in(centres.charlie.id):
        assert Group.objects.filter(id=centres.foreign_group).exists()
        assert Membership.objects.count() == 1
        assert not GroupMember.objects.exists()
        assert not PeopleChange.objects.exclude(action="group_created").exists()


def test_names_of_groups_are_unique_within_an_organization_and_can_be_shown(centres: Centres) -> None:
    admin = signed_in("alice")
    for name, why in (("Viewers", "already"), ("\u202egnihton", "printable"), ("", "required")):
        page = admin.post(f"{base(centres)}groups/new/", {"name": name, "permissions": ["insights.view"]})
        assert page.status_code == 422
        assert why in page.content.decode()
        assert 'value="insights.view" checked' in page.content.decode(), "what was ticked stays"
    made = groups.create_group(
        centres.alice.id, name="Foreign", permissions={Permission.DATA_VIEW}, members=(), actor="t", rank=Rank()
    )
    assert made.id != centres.foreign_group


def test_the_history_is_only_added_to_and_nobody_sees_another_s(centres: Centres) -> None:
    with acting_in(centres.charlie.id):
        assert set(PeopleChange.objects.values_list("subject", flat=True)) == {"Foreign"}
    for statement in ("UPDATE accounts_peoplechange SET actor = 'x'", "DELETE FROM accounts_peoplechange",
                      "DELETE FROM accounts_invitation", "UPDATE accounts_invitation SET is_admin = true"):  # fmt: skip
        with pytest.raises(Exception, match="permission denied"), acting_in(centres.alice.id) as cursor:
            cursor.execute(statement)


def test_the_page_asks_little_however_many_there_are_and_gives_all_as_csv(centres: Centres) -> None:
    org, admin = centres.alice.id, signed_in("alice")
    with acting_in(org):
        for number in range(60):
            user = User.objects.create(email=f"agent{number:02}@example.org", name=f"Agent {number:02}")
            made = Membership.objects.create(org_id=org, user=user)
            GroupMember.objects.create(org_id=org, group_id=centres.viewers, membership=made)
    with statements() as asked:
        page = admin.get(base(centres)).content.decode()
    assert len(asked) <= 20, len(asked)
    assert page.count('data-label="E-mail"') == 50
    for sort in ("name", "-name", "email", "admin", "second_factor", "-last_sign_in", "last_sign_in"):
        first = admin.get(base(centres), {"members.sort": sort})
        listing = first.context["page"].members
        second = admin.get(f"{base(centres)}?{listing.next}").context["page"].members
        both = {row.email for row in (*listing.rows, *second.rows)}
        assert len(both) == 63, sort
    found = admin.get(base(centres), {"members.find": "agent 07"}).context["page"].members
    assert [row.email for row in found.rows] == ["agent07@example.org"]
    for name, lines in (("members", 64), ("changes", 3), ("invitations", 1)):
        answer = admin.get(base(centres), {"csv": name})
        assert answer["Content-Type"].startswith("text/csv")
        assert len(b"".join(answer.streaming_content).decode().splitlines()) == lines, name
    with statements() as asked:
        admin.get(f"{base(centres)}groups/grp_{centres.viewers}/")
    assert len(asked) <= 20
