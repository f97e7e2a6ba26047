"""A bucket that keeps versions: what lies there under a key, and how all of it goes.

DANGER: a delete by version id cannot be undone by the store. It is made of the keys asked for and of nothing else that
a listing shows: each version, each delete marker, and each unfinished upload.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Outcome, Purged, Retained
from ebbtide.stores.objects.deleting import MOST_KEYS, is_busy
from ebbtide.stores.objects.pace import MOST_AT_ONCE, Pace, Patience, Timing
from ebbtide.stores.objects.presence import by_folder
from ebbtide.stores.objects.s3 import S3, S3_ERRORS

_NOT_KNOWN = {"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "501", "405"}


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that a store keeps under a key.

    Attributes:
        key: ours, without the prefix.
        id: of the version or of the unfinished upload.
        what: `version` (bytes), `marker` (says that the key is deleted) or `upload` (parts of one that broke off).
    """

    key: str
    id: str
    what: str


class Versions:
    """All that a bucket keeps, current or not."""

    def __init__(self, s3: S3, *, pace: Pace, timing: Timing, patience: Patience) -> None:
        self._s3 = s3
        self._pace = pace
        self._timing = timing
        self._patience = patience

    def below(self, prefix: str) -> Iterator[Kept]:
        """List versions, markers and unfinished uploads below a prefix of whole path segments; "" for all.

        Raises:
            StoreUnreachable: the store does not answer, or does not allow it.
        """
        start = self._s3.full(f"{prefix.strip('/')}/" if prefix else "")
        for page in self._s3.pages("list_object_versions", Prefix=start):
            for what, name in (("version", "Versions"), ("marker", "DeleteMarkers")):
                for one in page.get(name, ()):
                    yield Kept(self._s3.short(one["Key"]), one["VersionId"], what)
        yield from self.uploads(prefix)

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys under which anything is kept, each once, below a prefix of whole path segments; "" for all.

        Raises:
            StoreUnreachable: the store does not answer, or does not allow it.
        """
        return (key for key, _ in self.sizes(prefix))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List those keys with the bytes of all versions kept under each.

        Raises:
            StoreUnreachable: the store does not answer, or does not allow it.
        """
        start = self._s3.full(f"{prefix.strip('/')}/" if prefix else "")
        waiting: dict[str, int] = {}
        for page in self._s3.pages("list_object_versions", Prefix=start):
            found: dict[str, int] = {}
            for name in ("Versions", "DeleteMarkers"):
                for one in page.get(name, ()):
                    found[one["Key"]] = found.get(one["Key"], 0) + one.get("Size", 0)
            # versions of one key lie beside each other: at most the next page has more of them
            yield from ((self._s3.short(key), size) for key, size in sorted(waiting.items()) if key not in found)
            waiting = {key: size + waiting.get(key, 0) for key, size in found.items()}
        yield from ((self._s3.short(key), size) for key, size in sorted(waiting.items()))

    def uploads(self, prefix: str) -> Iterator[Kept]:
        """List unfinished multipart uploads below a prefix of whole path segments; "" for all.

        Raises:
            StoreUnreachable: the store does not answer, or does not allow it.
        """
        start = self._s3.full(f"{prefix.strip('/')}/" if prefix else "")
        for page in self._s3.pages("list_multipart_uploads", Prefix=start):
            for one in page.get("Uploads", ()):
                yield Kept(self._s3.short(one["Key"]), one["UploadId"], "upload")

    def kept(self, keys: Sequence[str]) -> dict[str, list[Kept]]:
        """Give all that is kept under each of the keys; keys under which nothing is are left out."""
        found: defaultdict[str, list[Kept]] = defaultdict(list)
        for folder, wanted in by_folder(keys).items():
            for one in self.below(folder):
                if one.key in wanted:
                    found[one.key].append(one)
        return dict(found)

    def destroy(self, keys: Sequence[str]) -> dict[str, Outcome]:
        """Delete all that is kept under the keys, and see that it is gone; one outcome a key.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        before = self.kept(keys)
        if not before:
            return dict.fromkeys(keys, AlreadyGone())
        told = self._remove([one for ones in before.values() for one in ones])
        after = self.kept(sorted(before))
        held = self._held([one for ones in after.values() for one in ones if one.what == "version"])
        ends: dict[str, Outcome] = {}
        for key in keys:
            left = after.get(key, [])
            if left:
                reasons = sorted({held[one] for one in left if one in held})
                said = next((told[one] for one in left if one in told), "the store says it is deleted, and lists it")
                ends[key] = Retained(reasons[-1]) if reasons else Failed(said)
            else:
                had = any(one.what != "marker" for one in before.get(key, ()))
                ends[key] = Purged() if had else AlreadyGone()
        return ends

    def abort_uploads(self, key: str) -> None:
        """Remove the parts of unfinished uploads of a key, where the store can say which there are.

        Raises:
            StoreUnreachable: they are known, and still there.
        """
        try:
            broken = [one for one in self.uploads(key.rpartition("/")[0]) if one.key == key]
        except StoreUnreachable as exc:
            if isinstance(exc.__cause__, ClientError) and _code(exc.__cause__) in _NOT_KNOWN | {"AccessDenied", "403"}:
                return  # the probe says so of this store: it cannot prove that nothing is left of uploads
            raise
        told = self._remove(broken)
        for said in told.values():
            raise StoreUnreachable(f"An unfinished upload could not be removed: {said}")

    def _remove(self, kept: list[Kept]) -> dict[Kept, str]:
        """Delete by id, asking again where the store is busy; gives reasons for those that would not go.

        Raises:
            StoreUnreachable: the store never took any of it.
        """
        refused: dict[Kept, str] = {}
        busy: dict[Kept, str] = {}
        left = kept
        for _ in self._patience.tries(self._timing):
            told = self._once(left)
            busy = {one: said for one, said in told.items() if is_busy(said)}
            refused |= {one: said for one, said in told.items() if one not in busy}
            left = list(busy)
            if not left:
                return refused
        if len(left) == len(kept):
            said = next(iter(busy.values()), "")
            raise StoreUnreachable(f"The object store did not delete anything, however often it was asked: {said}")
        return refused | busy

    def _once(self, kept: Sequence[Kept]) -> dict[Kept, str]:
        lasting = [one for one in kept if one.what != "upload"]
        size = min(MOST_KEYS, max(50, -(-len(lasting) // self._pace.at_once)))
        parts = [lasting[first : first + size] for first in range(0, len(lasting), size)]
        told: dict[Kept, str] = {}
        began = self._timing.monotonic()
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            for found in pool.map(self._delete, parts):
                told |= found
            aborted = pool.map(self._abort, [one for one in kept if one.what == "upload"])
            told |= {one: said for one, said in aborted if said}
        busy = any(is_busy(said) for said in told.values())
        took = (self._timing.monotonic() - began) / size if parts and not told else None
        self._pace.learn(seconds_a_key=took, refused=busy)
        return told

    def _delete(self, part: Sequence[Kept]) -> dict[Kept, str]:
        by_id = {(self._s3.full(one.key), one.id): one for one in part}
        objects = [{"Key": key, "VersionId": id_} for key, id_ in by_id]
        try:
            answer = self._s3.client.delete_objects(Bucket=self._s3.bucket, Delete={"Objects": objects, "Quiet": True})
        except S3_ERRORS as exc:
            return dict.fromkeys(part, str(exc))
        return {  # 200, with errors inside
            by_id[error["Key"], error.get("VersionId", "null")]: f"{error.get('Code')}: {error.get('Message')}"
            for error in answer.get("Errors", ())
            if (error["Key"], error.get("VersionId", "null")) in by_id
        }

    def _abort(self, one: Kept) -> tuple[Kept, str]:
        try:
            self._s3.client.abort_multipart_upload(Bucket=self._s3.bucket, Key=self._s3.full(one.key), UploadId=one.id)
        except S3_ERRORS as exc:
            return one, "" if _code(exc) == "NoSuchUpload" else str(exc)
        return one, ""

    def _held(self, versions: list[Kept]) -> dict[Kept, str]:
        """Say of versions that would not go whether the store's object lock keeps them, and until when."""
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            return {one: said for one, said in zip(versions, pool.map(self._lock_of, versions), strict=True) if said}

    def _lock_of(self, one: Kept) -> str:
        asked = {"Bucket": self._s3.bucket, "Key": self._s3.full(one.key), "VersionId": one.id}
        hold = self._told("get_object_legal_hold", "LegalHold", asked)
        if hold.get("Status") == "ON":
            return "a legal hold in the store keeps it"
        until = self._told("get_object_retention", "Retention", asked).get("RetainUntilDate")
        if isinstance(until, datetime):
            return f"the store's object lock keeps it until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return ""

    def _told(self, operation: str, name: str, asked: dict[str, str]) -> dict[str, Any]:
        try:
            found: dict[str, Any] = getattr(self._s3.client, operation)(**asked)[name]
        except (*S3_ERRORS, KeyError):
            return {}
        return found


def _code(exc: Exception) -> str:
    return str(exc.response.get("Error", {}).get("Code", "")) if isinstance(exc, ClientError) else ""
