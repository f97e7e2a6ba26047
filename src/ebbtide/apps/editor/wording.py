"""Jobs and their changes in plain words, where no template writes them: spreadsheets, searches and histories."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ebbtide.domain.job import JobType, What
from ebbtide.web.context.shared import JobLine, QueueLine
from ebbtide.web.templatetags.ebbtide import count


def days_said(days: int) -> str:
    """Write a period: "30 days"."""
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": count(days)}


def data_said(what: str) -> str:
    """Write which data a job takes."""
    return _("desktop recordings only") if what == What.DESKTOP else _("all four data types")


def names_said(numbers: frozenset[int], *, queues: Mapping[int, QueueLine]) -> str:
    """Name Qs, all of them, in the order of names."""
    return ", ".join(line.name for number, line in queues.items() if number in numbers)


def sentence(job: JobLine) -> str:
    """Say in plain words what a job does, every Q named."""
    days = days_said(job.days)
    if job.type is JobType.GLOBAL:
        return _("Deletes all data of the whole organization older than %(days)s") % {"days": days}
    names = ", ".join(queue.name for queue in job.queues)
    if job.what is What.DESKTOP:
        return _("Deletes desktop recordings of %(names)s older than %(days)s") % {"names": names, "days": days}
    return _("Deletes all data of %(names)s older than %(days)s") % {"names": names, "days": days}
