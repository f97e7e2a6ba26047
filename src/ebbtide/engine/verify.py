"""Verify: is what the book calls gone truly gone?

Asks the tables and the store themselves, by queries that share nothing with those that deleted: no cells, no index
rows, no claims. A ghost fails the run, however well the sweep went.
"""

from ebbtide.domain.errors import GhostFound
from ebbtide.engine.ports import LiveRun, ObjectStore

NAMED = 5
"""Ghosts named in the message."""


def verify(run: LiveRun, *, store: ObjectStore) -> None:
    """Look for anything the run has booked as gone.

    Raises:
        GhostFound: rows or objects of a purged cell are still there.
        StoreUnreachable: the store does not answer, so nothing can be said.
    """
    ghosts = list(run.rows_left())
    for prefix, known in run.booked_places():
        ghosts += [key for key in store.keys(prefix) if key not in known]
    if ghosts:
        more = f" and {len(ghosts) - NAMED} more" if len(ghosts) > NAMED else ""
        raise GhostFound(
            f"Booked as gone and still there: {', '.join(ghosts[:NAMED])}{more}. This run deletes nothing further: "
            "look at what writes there, then run again.",
            ghosts=len(ghosts),
        )
