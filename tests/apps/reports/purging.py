"""A live run, as an operator starts one."""

from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.identity import public_id
from tests.apps.web.conftest import CLOCK, days_ago


def purge(org: Organization) -> Run:
    """Arm an organization, see and confirm its plan, and carry it out."""
    if not refreshed(org.id).armed:
        orgs.arm(org.id, reason="ready", actor="test", now=CLOCK.now())
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    planning.confirm_plan(org.id, plan_id=public_id("plan", plan.id), actor="test", now=CLOCK.now())
    asked = Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=public_id("plan", plan.id))
    run = start_run(org.id, asked=asked, clock=CLOCK)
    assert run.outcome == "completed", run.reason
    return run
