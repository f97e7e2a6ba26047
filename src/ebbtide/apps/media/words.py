"""The words of transcripts: made into numbers, indexed by cell, and looked up.

A word is folded (case, accents, forms of one letter) and hashed with the organization's secret, so that the index names
no word, and one organization's numbers mean nothing in another. The index is a copy of what was said: it is made for
whole cells, later and at nobody's cost, and dies with them (`sql/words.sql`).
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import structlog
from django.db import connections

from ebbtide.apps.media.transcripts import LONGEST, read_transcript
from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, as_platform, mapped_errors
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import StoreUnreachable, Taken

log = structlog.get_logger(__name__)

BATCH = 1_000
"""Transcripts indexed together, at most."""
_SETS = 8
"""Sets of a cell from which on it is indexed anew as one: a day's transcripts come in many handfuls."""
_READS_AT_ONCE = 8
_LONGEST_WORD = 64
_WORD = re.compile(r"\w+")
Place = tuple[int, uuid.UUID]
"""A Q and a segment."""


class Gets(Protocol):
    """A store that objects are read from."""

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object out."""
        ...


def words_of(text: str) -> set[str]:
    """Give the words of a text as they are compared: without case, accents and different forms of one letter."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    return {word[:_LONGEST_WORD] for word in _WORD.findall(plain)}


def numbers_of(words: Iterable[str], *, pepper: bytes) -> list[int]:
    """Give the keyed number of each word, 64 bits with a sign."""
    return [
        int.from_bytes(
            hashlib.blake2b(word.encode(), digest_size=8, key=pepper, person=b"ebbtide-words").digest(), signed=True
        )
        for word in words
    ]


@dataclass(frozen=True, slots=True)
class _Transcript:
    id: int
    segment: uuid.UUID
    key: str
    bytes: int


def due_organizations() -> list[Organization]:
    """Find out, in one statement, which organizations may have transcripts that are not indexed."""
    with as_platform(using=SWEEP):
        return list(
            Organization.objects.using(SWEEP).raw(
                "SELECT * FROM orgs_organization WHERE id IN (SELECT org_id FROM media_unindexed) ORDER BY id"
            )
        )


def mend_words(org: Organization) -> None:
    """Take out of the index what fits no transcript any more, though only somebody past the product can have caused it.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with acting_in(org.id, using=SWEEP) as cursor:
        cursor.execute("SELECT media_mend_words()")


def index_words(org: Organization, *, store: Gets, stop: Callable[[], bool]) -> int:
    """Index the transcripts of an organization that are not indexed yet, newest days first.

    What cannot be read now is left for the next time.

    Args:
        org: the organization.
        store: where they lie.
        stop: asked before each handful.

    Returns:
        How many were indexed.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    done = _index(org, store=store, stop=stop)
    with acting_in(org.id, using=SWEEP) as cursor:
        cursor.execute("SELECT media_note_indexed()")
    return done


def _index(org: Organization, *, store: Gets, stop: Callable[[], bool]) -> int:
    done = 0
    with ThreadPoolExecutor(_READS_AT_ONCE, thread_name_prefix="words") as pool:
        for day, queue, sets in _lacking(org.id):
            anew = sets >= _SETS
            missing = _missing(org.id, day=day, queue=queue, every=anew)
            for first in range(0, len(missing), BATCH):
                if stop():
                    return done
                some = missing[first : first + BATCH]
                read = list(pool.map(lambda one: (one, _read(one, store=store)), some))
                there = [(one, words) for one, words in read if words is not None]
                if there:
                    done += _add(org, day=day, queue=queue, read=there, anew=anew and first == 0)
    return done


def _lacking(org: int) -> list[tuple[date, int, int]]:
    """Give the cells of which some transcripts are not indexed, newest first, with how many sets they have."""
    with acting_in(org, using=SWEEP) as cursor:
        # both sides by the leading columns of a key
        cursor.execute(
            """
            SELECT c.day, c.queue_id, coalesce(s.sets, 0) FROM catalog_cell c LEFT JOIN (
                SELECT s.day, s.queue_id, sum(s.items) AS items, count(*)::integer AS sets FROM media_wordset s
                WHERE s.org_id = %(org)s GROUP BY 1, 2) s ON s.day = c.day AND s.queue_id = c.queue_id
            WHERE c.org_id = %(org)s AND c.data_type = 'transcript' AND c.items IS DISTINCT FROM s.items
            ORDER BY c.day DESC, c.queue_id
            """,
            {"org": org},
        )
        rows: list[tuple[date, int, int]] = cursor.fetchall()
    return rows


def _missing(org: int, *, day: date, queue: int, every: bool) -> list[_Transcript]:
    with acting_in(org, using=SWEEP) as cursor:
        # leans on media_by_cell (org, kind, day, queue)
        cursor.execute(
            """
            SELECT m.id, m.segment_id, m.key, m.bytes FROM media_mediaobject m
            WHERE m.org_id = %(org)s AND m.kind = 'transcript' AND m.day = %(day)s AND m.queue_id = %(queue)s
                AND m.claimed_by IS NULL AND (%(every)s OR NOT EXISTS (
                    SELECT 1 FROM media_wordset s WHERE s.org_id = m.org_id AND s.day = m.day
                        AND s.queue_id = m.queue_id AND m.id = ANY (s.objects)))
            ORDER BY m.id
            """,
            {"org": org, "day": day, "queue": queue, "every": every},
        )
        return [_Transcript(*row) for row in cursor.fetchall()]


def _read(one: _Transcript, *, store: Gets) -> set[str] | None:
    """Give the words of a transcript; None where the store does not give it now."""
    if one.bytes > LONGEST:
        return set()
    try:
        turns = read_transcript(b"".join(store.get(one.key)))
    except StoreUnreachable as exc:
        log.warning("transcript not read", object=one.id, reason=exc.message)
        return None
    return words_of("\n".join(turn.text for turn in turns))


def _add(
    org: Organization, *, day: date, queue: int, read: Sequence[tuple[_Transcript, Collection[str]]], anew: bool
) -> int:
    places: dict[str, list[int]] = {}
    for place, (_one, words) in enumerate(read):
        for word in words:
            places.setdefault(word, []).append(place)
    numbers = numbers_of(places, pepper=bytes(org.pepper))
    by_number = dict(zip(numbers, places.values(), strict=True))
    try:
        with acting_in(org.id, using=SWEEP) as cursor:
            cursor.execute(
                "SELECT media_add_words(%s, %s, %s::bigint[], %s::uuid[], %s::bigint[], %s::text[], %s)",
                [
                    day,
                    queue,
                    [one.id for one, _words in read],
                    [one.segment for one, _words in read],
                    list(by_number),
                    ["{" + ",".join(map(str, hits)) + "}" for hits in by_number.values()],
                    anew,
                ],
            )
            added: int = cursor.fetchone()[0]
    except Taken:  # somebody writes or purges there: the next pass
        return 0
    return added


def said_in(numbers: Sequence[int], *, days: Sequence[date], org: int) -> Mapping[date, Sequence[Place]]:
    """Find the segments in which all of some words were said; expects an open transaction in the organization.

    Args:
        numbers: of the words.
        days: where to look.
        org: the organization's number.

    Returns:
        By day, Q and segment; days without any are missing.
    """
    wanted = sorted(set(numbers))
    with connections[WEB].cursor() as cursor:
        # leans on both keys: sets by (org, day), words by (org, day, set, number) in the day's piece; only sets that
        # have them all. The days are not said again: each would be held against each set, to find its piece
        cursor.execute(
            """
            SELECT s.day, s.queue_id, s.segments, w.hits FROM media_wordset s CROSS JOIN LATERAL (
                SELECT array_agg(w.hits::text) AS hits, count(*) AS words FROM media_words w
                WHERE w.org_id = s.org_id AND w.day = s.day AND w.set_id = s.id AND w.number = ANY (%(numbers)s)) w
            WHERE s.org_id = %(org)s AND s.day = ANY (%(days)s::date[]) AND w.words = %(words)s
            """,
            {"org": org, "days": list(days), "numbers": wanted, "words": len(wanted)},
        )
        found: dict[date, list[Place]] = {}
        for day, queue, segments, hits in cursor.fetchall():
            common = set.intersection(*(set(map(int, one[1:-1].split(","))) for one in hits))
            if common:
                found.setdefault(day, []).extend((queue, segments[place]) for place in sorted(common))
        return found


def not_yet(*, first: date, last: date, org: int) -> int:
    """Count the transcripts of some days whose words are not indexed; expects an open transaction."""
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce((SELECT sum(c.items) FROM catalog_cell c WHERE c.org_id = %(org)s
                    AND c.data_type = 'transcript' AND c.day BETWEEN %(first)s AND %(last)s), 0)::bigint
                - coalesce((SELECT sum(s.items) FROM media_wordset s WHERE s.org_id = %(org)s
                    AND s.day BETWEEN %(first)s AND %(last)s), 0)::bigint
            """,
            {"org": org, "first": first, "last": last},
        )
        waiting: int = cursor.fetchone()[0]
    return max(0, waiting)


def worn_pieces() -> list[int]:
    """Find the pieces of the index in whose files deletions left something; none twice within 20 hours."""
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT r.piece FROM media_residue r WHERE NOT EXISTS (
                SELECT 1 FROM media_piecewritten p
                WHERE p.piece = r.piece AND p.written_at > now() - interval '20 hours')
            ORDER BY 1
            """
        )
        return [piece for (piece,) in cursor.fetchall()]


def write_anew(piece: int) -> int:
    """Write a piece of the index anew, without what deletions left in its files; who reads meanwhile goes on.

    Returns:
        How many rows it has.

    Raises:
        Taken: somebody else was always first.
        CellsDrifted: an organization's words would have been left behind; nothing was changed.
    """
    with mapped_errors(), connections[SWEEP].cursor() as cursor:  # no block around it: it is a transaction by itself
        cursor.execute("SELECT media_write_anew(%s)", [piece])
        rows: int = cursor.fetchone()[0]
    return rows
