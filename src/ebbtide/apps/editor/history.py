"""The history of a job: who changed what, when, as people read it.

Every function expects an open transaction in the organization.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.editor.wording import data_said, days_said, names_said, sentence
from ebbtide.apps.policies.models import JobChange
from ebbtide.apps.policies.pages import job_line
from ebbtide.domain.calendar import Days
from ebbtide.domain.job import Job, JobType, What
from ebbtide.web.context.jobs import ChangeRow, Difference
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Column, Table

Kind = Literal["created", "changed", "paused", "resumed", "deleted", "restored"]
Told = Mapping[str, Any]
"""A job as it was written down with a change."""

HISTORY: Table[ChangeRow] = Table(
    name="history",
    columns=(
        Column(name="at", label=gettext_lazy("When"), value=lambda row: row.at, field="at"),
        Column(name="who", label=gettext_lazy("Who"), value=lambda row: row.actor, field="actor"),
        Column(name="change", label=gettext_lazy("What"), value=lambda row: row.kind, sortable=False),
        Column(name="before", label=gettext_lazy("Before"), value=lambda row: row.before, sortable=False),
        Column(name="after", label=gettext_lazy("After"), value=lambda row: row.after, sortable=False),
    ),
    sort="-at",
    fields=("actor",),
    size=20,
)


def changes(*, org: int, job: int) -> QuerySet[JobChange]:
    """Give all changes of a job."""
    return JobChange.objects.filter(org_id=org, job_id=job)  # leans on job_change_by_job (org, job_id, at)


def change_rows(
    *, org: int, job: int, queues: Mapping[int, QueueLine]
) -> Callable[[Sequence[JobChange]], list[ChangeRow]]:
    """Give what turns changes into rows of the history."""
    first = changes(org=org, job=job).order_by("id").values_list("id", flat=True).first()

    def rows(found: Sequence[JobChange]) -> list[ChangeRow]:
        return [_row(change, is_first=change.id == first, queues=queues) for change in found]

    return rows


def _row(change: JobChange, *, is_first: bool, queues: Mapping[int, QueueLine]) -> ChangeRow:
    before, after = change.before, change.after
    kind = _kind(before, after, is_first=is_first)
    return ChangeRow(
        at=change.at,
        actor=change.actor,
        kind=kind,
        before=_sentence(before, id=change.job_id, queues=queues),
        after=_sentence(after, id=change.job_id, queues=queues),
        differences=_differences(before, after, queues=queues) if before and after else (),
    )


def _kind(before: Told | None, after: Told | None, *, is_first: bool) -> Kind:
    if before is None:
        return "created" if is_first else "restored"
    if after is None:
        return "deleted"
    # changes from before jobs could be paused do not tell of it
    was, is_ = before.get("paused", False), after.get("paused", False)
    if was != is_:
        return "paused" if is_ else "resumed"
    return "changed"


def _state(told: Told) -> str:
    return _("paused") if told.get("paused") else _("in force")


def _sentence(told: Told | None, *, id: int, queues: Mapping[int, QueueLine]) -> str:
    if told is None:
        return ""
    job = Job(
        id=id,
        type=JobType(told["type"]),
        what=What(told["what"]),
        days=Days(told["days"]),
        queues=frozenset(told["queues"]),
    )
    said = sentence(job_line(job, queues=queues))
    return _("%(job)s (paused)") % {"job": said} if told.get("paused") else said


def _differences(before: Told, after: Told, *, queues: Mapping[int, QueueLine]) -> tuple[Difference, ...]:
    found = []
    was, is_ = _state(before), _state(after)
    if was != is_:
        found.append(Difference(label=_("State"), before=was, after=is_))
    if before["days"] != after["days"]:
        found.append(
            Difference(label=_("Older than"), before=days_said(before["days"]), after=days_said(after["days"]))
        )
    if before["what"] != after["what"]:
        found.append(Difference(label=_("Data"), before=data_said(before["what"]), after=data_said(after["what"])))
    had, has = frozenset(before["queues"]), frozenset(after["queues"])
    if has - had:
        found.append(Difference(label=_("Qs added"), before="", after=names_said(has - had, queues=queues)))
    if had - has:
        found.append(Difference(label=_("Qs taken out"), before=names_said(had - has, queues=queues), after=""))
    return tuple(found)
