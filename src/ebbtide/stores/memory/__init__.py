"""Organizations in memory: an honest twin of the PostgreSQL tables and the object store, under the same laws.

Why it is shipped: whoever writes a store or changes the engine can run every night of the tests in milliseconds, and a
second implementation that was written from the laws, not from the SQL, is what the real one is held against. So it
takes no short cut: counts are kept beside the rows and can drift from them, every decision asks switch, flag, jobs and
cancellation again, the book only grows, and a step that raises has changed nothing.
"""

from ebbtide.stores.memory.objects import MemoryObjects
from ebbtide.stores.memory.organization import MemoryOrganization, MemoryPlatform
from ebbtide.stores.memory.rows import Entry, Indexed, Place, RunRow, Segment, StoredPlan
from ebbtide.stores.memory.run import MemoryRun

__all__ = [
    "Entry",
    "Indexed",
    "MemoryObjects",
    "MemoryOrganization",
    "MemoryPlatform",
    "MemoryRun",
    "Place",
    "RunRow",
    "Segment",
    "StoredPlan",
]
