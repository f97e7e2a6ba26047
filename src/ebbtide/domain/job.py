"""Retention jobs: what a customer may ask for.

Two types and no more. *Global*: all four data types of the whole organization. *Q*: chosen queues, either all four
types or desktop recordings only. Both: older than N days, a whole number from 1 to 5000. There is no value that means
"for ever" or
"everything": no job means keep.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import JobInvalid

MIN_DAYS, MAX_DAYS = 1, 5000
_WHOLE = re.compile(r"[0-9]{1,9}")


class JobType(StrEnum):
    """How far a job reaches."""

    GLOBAL = "global"
    QUEUE = "queue"


class What(StrEnum):
    """Which data types a job takes."""

    ALL = "all"
    DESKTOP = "desktop"


@dataclass(frozen=True, slots=True)
class Job:
    """One retention job.

    Attributes:
        id: the job's number within Ebbtide.
        type: global or queue.
        what: all four data types, or desktop recordings only (queue jobs alone).
        days: retention in whole org-local days.
        queues: numbers of the queues it names; empty for a global job.
    """

    id: int
    type: JobType
    what: What
    days: Days
    queues: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if type(self.days) is not int or not MIN_DAYS <= self.days <= MAX_DAYS:
            raise days_invalid(self.days)
        if self.type is JobType.GLOBAL and self.what is not What.ALL:
            raise JobInvalid(
                "A Global job deletes all four data types: for desktop recordings only, make a Q job.", field="what"
            )
        if self.type is JobType.GLOBAL and self.queues:
            raise JobInvalid("A Global job covers every Q: name none, or make a Q job.", field="queue")
        if self.type is JobType.QUEUE and not self.queues:
            raise JobInvalid("A Q job names at least one Q: choose one, or make a Global job.", field="queue")

    def takes(self, data_type: DataType) -> bool:
        """Whether this data type is among what the job deletes."""
        return self.what is What.ALL or data_type is DataType.DESKTOP

    def reaches(self, queue: int | None) -> bool:
        """Whether the job covers that queue; None stands for any queue not named by a job, present or future."""
        return self.type is JobType.GLOBAL or queue in self.queues


def parse_days(text: str) -> Days:
    """Read a retention period as a person writes it.

    Raises:
        JobInvalid: it is not a whole number from 1 to 5000 written in digits.
    """
    stripped = text.strip()
    if not stripped.isascii() or not _WHOLE.fullmatch(stripped) or not MIN_DAYS <= int(stripped) <= MAX_DAYS:
        raise days_invalid(text)
    return Days(int(stripped))


def days_invalid(value: object) -> JobInvalid:
    """Build the one answer to a period that cannot be."""
    return JobInvalid(f"Days must be a whole number from {MIN_DAYS} to {MAX_DAYS}, not {value!r}.", field="days")
