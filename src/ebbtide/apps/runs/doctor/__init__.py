"""Doctor: do the invariants hold on the live system?

It reads and changes nothing. Every organization is asked the same fixed number of questions, however much it holds, and
each question is put to the database so that only its faults come back. What a question leans on is shared with nothing
that deletes: the book is held against plans, runs and flags, and the counts against rows and objects themselves.

What cannot be seen afterwards is left to the tests: I1 (nothing unexpired goes) is seen as I4 and I15, I12 (counts
survive crashes) as I8 and I13, and I9 comes with the certificates.
"""

from datetime import datetime

from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.runs.doctor import book, data, fences, residue
from ebbtide.apps.runs.doctor.finding import Finding, Question

__all__ = ["Finding", "examine"]


def examine(*, now: datetime) -> list[Finding]:
    """Look at every invariant that can be seen on a live system.

    Args:
        now: the present moment (UTC).

    Raises:
        StoreUnreachable: the object store does not answer.
    """
    asked: list[Question] = [*data.QUESTIONS, *book.QUESTIONS]
    findings = {question.invariant: question.open() for question in asked}
    for org in organizations():
        book.examine(org.id, findings=findings, now=now)
        data.examine(org.id, findings=findings, now=now)
    data.compare(findings=findings, now=now)
    found = [opened.close() for opened in findings.values()] + fences.examine() + residue.examine(now=now)
    return sorted(found, key=_order)


def _order(finding: Finding) -> tuple[bool, int, str]:
    """Order by number (I2 before I13), those without one last."""
    number = finding.invariant[1:]
    return (not number.isdigit(), int(number) if number.isdigit() else 0, finding.invariant)
