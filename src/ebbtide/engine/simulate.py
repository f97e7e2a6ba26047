"""Make a plan and touch nothing.

This is the whole of a simulation, and the first half of a purge: there is one path that decides, and it only reads.
"""

from collections.abc import Generator, Sequence
from datetime import date

from ebbtide.domain.calendar import cutoff
from ebbtide.domain.job import Job
from ebbtide.domain.plan import PlannedCell, due_cells
from ebbtide.domain.verdict import effective_retention
from ebbtide.engine.ports import CellCatalog, Reach


def reaches(jobs: Sequence[Job], *, queues: Sequence[int], on: date) -> list[Reach]:
    """Say how far back each (queue, data type) is kept on a date.

    Args:
        jobs: all jobs of the organization.
        queues: all its queues, archived ones too.
        on: the org-local date of the night.
    """
    return [
        Reach(queue, data_type, cutoff(on, days=job.days))
        for (queue, data_type), job in effective_retention(jobs, queues=queues).items()
    ]


def plan_cells(
    catalog: CellCatalog, *, jobs: Sequence[Job], queues: Sequence[int], on: date
) -> Generator[PlannedCell, None, None]:
    """Stream the cells that are due, in plan order.

    The catalogue narrows the search by the reaches; each cell it gives is decided again by the verdict, so that a
    catalogue that gave too much could not make anything due.
    """
    cells = catalog.cells_before(reaches(jobs, queues=queues, on=on))
    try:
        yield from due_cells(cells, jobs=jobs, on=on)
    finally:
        cells.close()
