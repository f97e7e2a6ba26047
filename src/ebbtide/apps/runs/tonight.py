"""What the next night's run will really do: asked of the same code that admits runs. Expects an open transaction."""

from dataclasses import replace
from datetime import datetime

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.circumstances import history_of, switch_says
from ebbtide.apps.runs.models import Platform
from ebbtide.domain.guard import Caps, Clocks
from ebbtide.engine.admit import Circumstances, Mode, admit
from ebbtide.web.context.home import TonightNote


def tonight_note(org: Organization, *, night: datetime, selected: int, population: int) -> TonightNote:
    """Say what a night would do if nothing changed until then; that the clocks are sound is taken for granted.

    Args:
        org: the organization, read for this request.
        night: moment the night starts.
        selected: items it would take.
        population: items there are.
    """
    found = Circumstances(
        armed=org.armed,
        switch=switch_says(Platform.objects.get(id=1), org=org),
        clocks=Clocks(host=night, database=night, last_good=None),
        caps=Caps(share_percent=org.share_cap_percent, items=org.item_cap),
        history=history_of(org.id, using=WEB),
        selected=selected,
        population=population,
        confirmed=False,
        now=night,
    )
    armed = admit(replace(found, armed=True))
    if not org.armed:
        return TonightNote(kind="reports", reason=armed.reason)
    if armed.mode is Mode.LIVE:
        return TonightNote(kind="deletes")
    return TonightNote(kind="blocked" if armed.mode is Mode.BLOCKED else "asks", reason=armed.reason)
