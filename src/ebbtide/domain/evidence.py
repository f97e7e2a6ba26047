"""What a request to switch deletion on rests on, and when it does not bear any more.

Going live is bound to a simulation: who arms an organization has seen what its nights would take, and what they would
take now is not much more. The database asks for age and jobs once more, in the transaction that arms.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ebbtide.domain.errors import EvidenceStale

EVIDENCE_AGE = timedelta(hours=48)
"""So old may a simulation be when deletion is asked for, and when it is switched on."""
GROWTH_FACTOR = 2
GROWTH_SLACK = 1_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """A simulation that somebody looked at.

    Attributes:
        made_at: when its plan was made (aware).
        jobs_version: of the jobs it was decided by.
        items: what it would have taken.
    """

    made_at: datetime
    jobs_version: int
    items: int


def most_due(shown: int) -> int:
    """Say how many items may be due when an organization is armed on evidence that showed `shown` of them."""
    return GROWTH_FACTOR * shown + GROWTH_SLACK


def check_age(evidence: Evidence, *, now: datetime) -> None:
    """Refuse evidence that is too old.

    Raises:
        EvidenceStale: it is more than 48 hours old.
    """
    if now - evidence.made_at > EVIDENCE_AGE:
        hours = int((now - evidence.made_at).total_seconds() // 3600)
        raise EvidenceStale(f"The simulation is {hours:,} hours old; 48 are allowed.")


def check_jobs(evidence: Evidence, *, jobs_version: int) -> None:
    """Refuse evidence that was decided by other jobs.

    Raises:
        EvidenceStale: a job was made, changed or deleted since.
    """
    if evidence.jobs_version != jobs_version:
        raise EvidenceStale("The retention jobs have changed since the simulation.")


def check_growth(evidence: Evidence, *, due: int) -> None:
    """Refuse evidence that showed much less than is due.

    Args:
        evidence: what was shown.
        due: items that are due now.

    Raises:
        EvidenceStale: more than twice what was shown, and 1,000 more, is due.
    """
    if due > most_due(evidence.items):
        raise EvidenceStale(
            f"{due:,} items are due now and {evidence.items:,} were shown; at most twice as many and 1,000 more, "
            f"{most_due(evidence.items):,}, may be due."
        )
