"""Why something that is due is still here, in words, the most telling reason first.

Every function expects an open transaction in the organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from ebbtide.apps.ledger.selectors import CellEntry
from ebbtide.apps.media.selectors import Stored
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.circumstances import switch_says
from ebbtide.apps.runs.models import PlanLine, Platform, Run
from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.web.context.why import Because


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlace:
    """A cell by its place."""

    queue: int
    day: date
    data_type: DataType


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the organization's nights stand.

    Attributes:
        switch: which kill switch is on, in words; empty where none is.
        last: its newest run, ended or not; None where there was none.
    """

    switch: str
    last: Run | None


def standing_of(org: Organization) -> Standing:
    """Read how an organization's nights stand."""
    return Standing(
        switch=switch_says(Platform.objects.get(id=1), org=org) or "",
        last=Run.objects.filter(org_id=org.id).order_by("-id").first(),
    )


def reasons_to_stay(
    org: Organization, place: CellPlace, *, standing: Standing, media: Stored | None, book: Sequence[CellEntry]
) -> tuple[Because, ...]:
    """Say why something due is still here.

    Args:
        org: the organization, read for this request.
        place: the cell it belongs to.
        standing: how the nights stand.
        media: what is stored of it, for recordings and transcripts.
        book: what the book says of its cell, oldest first.
    """
    found = []
    last = standing.last
    if not org.armed:
        found.append(Because(text=_("Deletion is not switched on: nights only report what they would delete.")))
    if standing.switch:
        found.append(Because(text=standing.switch))
    if media is not None and media.claimed_by is not None:
        found.append(
            Because(
                text=_("The last attempt did not succeed: %(why)s. It is tried again each night.")
                % {"why": media.left_reason.rstrip(".")}
                if media.left_reason
                else _("A run has decided on it and is destroying it."),
                run=media.claimed_by,
            )
        )
    left = next((entry for entry in reversed(book) if entry.outcome in {"kept", "failed"}), None)
    if left is not None and (last is None or left.run == last.id) and not (media is not None and media.left_reason):
        found.append(Because(text=_("The last run left it: %(why)s.") % {"why": left.reason.rstrip(".")}, run=left.run))
    if found or last is None:
        return tuple(found) or (Because(text=_("No night has run yet: the next one takes it.")),)
    return (_of_last_run(last, place=place),)


def _of_last_run(last: Run, *, place: CellPlace) -> Because:
    """Say what the newest run has to do with it, where nothing else tells."""
    if not _named(last, place=place):
        text = _("The last plan did not name it yet: a job or the data came later. The next night takes it.")
    elif last.outcome is None:
        text = _("A run that names it is going on.")
    elif last.outcome == RunOutcome.BLOCKED:
        text = _("The last night was stopped before its first deletion: %(why)s") % {"why": last.reason}
    elif last.mode == Mode.SIMULATED:
        text = _("The last night was only simulated. %(why)s") % {"why": last.reason}
    else:
        text = _("The last run did not reach it: %(why)s The next night goes on with it.") % {"why": last.reason}
    return Because(text=text.strip(), run=last.id)


def _named(run: Run, *, place: CellPlace) -> bool:
    lines = PlanLine.objects.filter(org_id=run.org_id, plan_id=run.plan_id, day=place.day, data_type=place.data_type)
    return lines.filter(queues__contains=[place.queue]).exists()
