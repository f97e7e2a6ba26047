"""Import of recordings by a manifest: every line of it ends as exactly one of four things."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.catalog.intake import RejectsFile
from ebbtide.apps.media.manifest import Line, Rejected, read_manifest
from ebbtide.apps.media.services import Incoming, MediaCounts, Puts, store_recordings
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.errors import InputInvalid

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to: counts, and the file of rejects where there are any."""

    counts: MediaCounts
    rejects: Path | None


def import_manifest(org: Organization, *, manifest: Path, store: Puts, rejects: Path) -> Imported:
    """Import the recordings a manifest names.

    Args:
        org: where they go.
        manifest: CSV or JSONL with file (relative to it), kind and segment (source key).
        store: where the objects go.
        rejects: where rejected lines are written, with line number and reason; made only when there are any.

    Raises:
        InputInvalid: the manifest cannot be read.
        StoreUnreachable: an object could not be written; sending the manifest again goes on from there.
    """
    pepper = bytes(org.pepper)
    unusable = 0
    with closing(RejectsFile(rejects)) as rejected:

        def incoming() -> Iterator[Incoming]:
            nonlocal unusable
            for line in read_manifest(manifest):
                if isinstance(line, Rejected):
                    unusable += 1
                    rejected.write([(line.line, line.reason, line.row)])
                    continue
                key = segment_id(line.source_key, pepper=pepper)
                yield Incoming(key, line.kind, lambda path=line.path: _chunks(path), told=line)  # type: ignore[misc]

        def reject(one: Incoming, reason: str) -> None:
            line = one.told
            if isinstance(line, Line):
                rejected.write([(line.line, reason, f"{line.path.name} {line.kind} {line.source_key}")])

        counts = store_recordings(org.id, incoming=incoming(), store=store, reject=reject)
        counts.read += unusable
        counts.rejected += unusable
        return Imported(counts, rejected.path)


def _chunks(path: Path) -> Iterator[bytes]:
    """Stream a file.

    Raises:
        InputInvalid: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as exc:
        raise InputInvalid(f"{path.name} cannot be read: {exc.strerror}.", field="file") from exc
