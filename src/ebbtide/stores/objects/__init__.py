"""Recordings and transcripts, in any object store obstore speaks to: a local folder by default, S3-compatible by URL.

What a store answers to a delete is not believed: some say success for keys that were never there, some fail a whole
bulk request for one key, some answer 200 with errors inside. So the place is looked at before and after, and the
difference is the outcome.

Nor is emptiness believed. A folder that is not mounted, or a prefix that was mistyped, lists nothing, and every
recording in the real place would be booked as already gone. So the first upload leaves a mark, and nothing is called
gone where the mark is not. And where the mark itself is kept in versions, a delete would only hide things: there every
version is removed by its id (versions.py).
"""

from ebbtide.stores.objects.probing import Behaviour, Probed, Seen, probe
from ebbtide.stores.objects.store import Objects, Stored

__all__ = ["Behaviour", "Objects", "Probed", "Seen", "Stored", "probe"]
