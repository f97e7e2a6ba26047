"""What hypothesis draws from: jobs, cells, days, zones and moments.

Few queues, short periods and days near their cutoffs: collisions are where the rules are decided.
"""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import Cell, DataType
from ebbtide.domain.job import Job, JobType, What

TONIGHT = date(2026, 11, 23)
QUEUES = (1, 2, 3)

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata")

queues = st.sampled_from(QUEUES)
data_types = st.sampled_from(list(DataType))
days = st.one_of(st.integers(1, 12), st.integers(1, 5000), st.sampled_from([1, 30, 400, 500, 5000])).map(Days)
dates = st.dates(date(2000, 1, 1), date(2040, 12, 31))


@st.composite
def jobs(draw: st.DrawFn, number: int = 1) -> Job:
    """One valid job."""
    kind = draw(st.sampled_from(["global", "all", "desktop"]))
    if kind == "global":
        return Job(id=number, type=JobType.GLOBAL, what=What.ALL, days=draw(days))
    chosen = draw(st.frozensets(queues, min_size=1))
    return Job(id=number, type=JobType.QUEUE, what=What(kind), days=draw(days), queues=chosen)


@st.composite
def job_lists(draw: st.DrawFn, most: int = 5) -> list[Job]:
    """Some jobs, with ids of their own."""
    return [draw(jobs(number)) for number in range(1, draw(st.integers(0, most)) + 1)]


@st.composite
def cells(draw: st.DrawFn, on: date = TONIGHT) -> Cell:
    """One cell with a day around the cutoffs that occur."""
    back = draw(st.one_of(st.integers(-2, 14), st.sampled_from([29, 30, 31, 399, 400, 401, 499, 500, 501, 5000, 5001])))
    return Cell(
        on - timedelta(days=back),
        draw(data_types),
        draw(queues),
        draw(st.integers(1, 9)),
        draw(st.integers(0, 999)),
    )


@st.composite
def cell_lists(draw: st.DrawFn, most: int = 12) -> list[Cell]:
    """Cells in plan order, each place once."""
    drawn = draw(st.lists(cells(), max_size=most, unique_by=lambda cell: (cell.day, cell.data_type, cell.queue)))
    return sorted(drawn)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def moments(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
    """Moments (UTC) between two."""
    return st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None)).map(lambda at: at.replace(tzinfo=UTC))
