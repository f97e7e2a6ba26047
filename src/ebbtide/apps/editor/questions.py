"""What has to be answered before a change of a job is saved, and whether it was.

Two things are asked: whether a job that would have no effect is meant so; and, of an armed organization, whether what
becomes due by the change is meant to go, which is confirmed by typing the organization's name. An answer holds for what
was shown and to whom: where the job or the jobs around it are others by then, or more becomes due, it is asked again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.core.signing import BadSignature, dumps, loads
from django.http import QueryDict
from django.utils.translation import gettext as _

from ebbtide.apps.editor.weighing import Night, weigh, with_job
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import QueueLines, job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.policies.services import Check, effect_of
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.domain.verdict import ineffective
from ebbtide.web.context.jobs import IneffectiveNote, Quantity, SaveQuestion

_SALT = "ebbtide.editor.save-anyway"
Newly = dict[DataType, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person sent back: the consent they were shown, and the name they typed; empty where nothing was asked."""

    consent: str = ""
    typed: str = ""


class Unanswered(Exception):
    """A change was not saved: something has to be answered first."""

    def __init__(self, question: SaveQuestion) -> None:
        super().__init__()
        self.question = question


def answer_of(sent: QueryDict) -> Answer:
    """Read an answer out of a form."""
    return Answer(consent=sent.get("save_anyway", ""), typed=sent.get("org_name", "").strip()[:1000])


def ineffective_notes(new: Job, *, among: Sequence[Job], queues: QueueLines) -> tuple[IneffectiveNote, ...]:
    """Say what saving a job would leave without effect: itself, others, or both.

    Args:
        new: the job as it would be.
        among: the jobs in force.
        queues: every Q of the organization.
    """
    effect = effect_of(new, among=among)
    after = ineffective(with_job(new, among=among))

    def note(idle: Job, *, this: bool) -> IneffectiveNote:
        because_of = tuple(job_line(other, queues=queues) for other in after[idle.id])
        return IneffectiveNote(this=this, idle=job_line(idle, queues=queues), because_of=because_of)

    own = (note(new, this=True),) if effect.overridden_by else ()
    return (*own, *(note(job, this=False) for job in effect.makes_idle))


def question_of(
    org: Organization, *, new: Job, night: Night, person: int, answer: Answer | None = None
) -> SaveQuestion | None:
    """Say what has to be answered before a job is put in force so; None where nothing has, or all is answered.

    Expects an open transaction in the organization.

    Args:
        org: the organization, read in this transaction.
        new: the job as it would be.
        night: the organization's next one.
        person: number of who asks for it.
        answer: what they sent; None where they have not been asked.
    """
    among, queues = jobs(org=org.id), queue_lines(org=org.id)
    notes = ineffective_notes(new, among=among, queues=queues)
    newly: Newly = {}
    if org.armed:
        newly = weigh(org=org.id, among=among, new=new, queues=queues, on=night.on).newly_by_type
    items = sum(one for one, _size in newly.values())
    if not notes and not items:
        return None
    shown = [org.id, person, _digest(new, notes=notes)]
    question = SaveQuestion(
        notes=notes,
        newly=Quantity(items=items, bytes=sum(size for _items, size in newly.values())) if items else None,
        consent=dumps([*shown, {kind.value: amount for kind, amount in newly.items()}], salt=_SALT),
    )
    if answer is None or not answer.consent:
        return question
    question = replace(question, typed=answer.typed)
    if not _consents(answer.consent, to=shown, newly=newly):
        return replace(question, wrong=_("What this comes to has changed since you were asked: look at it again."))
    if items and answer.typed != org.name.strip():
        return replace(question, wrong=_("That is not the organization's name: type %(name)s.") % {"name": org.name})
    return None


def asking(org: int, *, new: Job, night: Night, person: int, answer: Answer) -> Check:
    """Make the check that is asked in the transaction which saves.

    Raises (the check does):
        Unanswered: something has to be answered first.
    """

    def check() -> None:
        question = question_of(Organization.objects.get(id=org), new=new, night=night, person=person, answer=answer)
        if question is not None:
            raise Unanswered(question)

    return check


def _digest(new: Job, *, notes: Iterable[IneffectiveNote]) -> str:
    """Name a job as it would be, and the warnings shown with it."""
    told: list[object] = [new.id, new.type, new.what, new.days, sorted(new.queues)]
    told += [[note.idle.id, [other.id for other in note.because_of]] for note in notes]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _consents(consent: str, *, to: list[object], newly: Newly) -> bool:
    """Whether a consent was given to exactly this, by this person, and to no less than becomes due now."""
    try:
        *shown, amounts = loads(consent, salt=_SALT)
    except BadSignature:
        return False
    if shown != to:
        return False
    seen = {kind: tuple(amounts.get(kind.value, (0, 0))) for kind in DataType}
    return all(items <= seen[kind][0] and size <= seen[kind][1] for kind, (items, size) in newly.items())
