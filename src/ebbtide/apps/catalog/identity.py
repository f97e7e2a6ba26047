"""Segment ids: keyed hashes of source keys.

The id names a row without saying whose it is, so it may stand in indexes, object rows and the register of what was
seen, where the source key itself, which can be personal, may not.
"""

import hashlib
import uuid
from collections.abc import Iterable


def segment_id(source_key: str, *, pepper: bytes) -> uuid.UUID:
    """Give the id of the segment with that source key.

    Args:
        source_key: as the source system names it, unique within the organization.
        pepper: the organization's secret, 32 bytes.
    """
    return uuid.UUID(bytes=hashlib.blake2b(source_key.encode(), digest_size=16, key=pepper).digest())


def segment_ids(source_keys: Iterable[str], *, pepper: bytes) -> list[str]:
    """Give the ids of many segments, as hexadecimal text that PostgreSQL reads as uuid."""
    seeded = hashlib.blake2b(digest_size=16, key=pepper)
    ids = []
    for key in source_keys:
        digest = seeded.copy()
        digest.update(key.encode())
        ids.append(digest.hexdigest())
    return ids
