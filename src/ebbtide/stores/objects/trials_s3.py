"""What an S3 store is tried with beside: versions, unfinished uploads, object lock, copies elsewhere."""

from typing import Any

from botocore.exceptions import ClientError

from ebbtide.stores.objects.s3 import S3, S3_ERRORS
from ebbtide.stores.objects.trials import Bench, Found, Try
from ebbtide.stores.objects.versions import Versions

_NOT_SET = {
    "ObjectLockConfigurationNotFoundError", "ReplicationConfigurationNotFoundError", "NoSuchObjectLockConfiguration",
}  # fmt: skip


def _s3(bench: Bench) -> S3:
    if bench.objects.s3 is None:
        raise RuntimeError("only S3 is tried with this")
    return bench.objects.s3


def _all(bench: Bench) -> Versions:
    if bench.objects.versions is None:
        raise RuntimeError("only S3 is tried with this")
    return bench.objects.versions


def _versioning(bench: Bench) -> Found:
    status = _s3(bench).client.get_bucket_versioning(Bucket=_s3(bench).bucket).get("Status")
    if status is None:
        return True, "the bucket keeps no versions"
    return True, f"versions are {status.lower()}: each is removed by its id"


def _kept(bench: Bench) -> Found:
    bench.put(["twice"], b"old")
    bench.put(["twice"], b"new")
    return _purged(bench, "twice")


def _hidden(bench: Bench) -> Found:
    bench.put(["hidden"])
    bench.delete(["hidden"])
    return _purged(bench, "hidden")


def _purged(bench: Bench, name: str) -> Found:
    """Purge a key as a purge does, and look for all that is kept of it."""
    key = bench.key(name)
    kept = [one for one in _all(bench).below(bench.place) if one.key == key]
    _all(bench).destroy([key])
    left = [one for one in _all(bench).below(bench.place) if one.key == key]
    return not left, f"{len(kept)} versions and markers were kept; {len(left)} are left after deleting them by id"


def _unfinished(bench: Bench) -> Found:
    s3, key = _s3(bench), bench.key("unfinished")
    asked = {"Bucket": s3.bucket, "Key": s3.full(key)}
    upload = s3.client.create_multipart_upload(**asked)["UploadId"]
    s3.client.upload_part(**asked, UploadId=upload, PartNumber=1, Body=b"half of it")
    seen = [one for one in _all(bench).uploads(bench.place) if one.key == key]
    s3.client.abort_multipart_upload(**asked, UploadId=upload)
    left = [one for one in _all(bench).uploads(bench.place) if one.key == key]
    if not seen:
        return False, "it is not listed, so that nobody could find it"
    return not left, "it is listed, and gone once it is aborted" if not left else "it is still listed"


def _errors(bench: Bench) -> Found:
    s3 = _s3(bench)
    bench.put(["errors/1"])
    objects = [{"Key": s3.full(bench.key("errors/1"))}, {"Key": s3.full(bench.key("errors/2")), "VersionId": "none"}]
    try:
        answer = s3.client.delete_objects(Bucket=s3.bucket, Delete={"Objects": objects})
    except ClientError as exc:
        return None, f"the whole request was refused ({exc})"
    codes = [str(error.get("Code")) for error in answer.get("Errors", ())]
    gone = "errors/1" not in bench.listed("errors")
    if not codes:
        return None, "no key was refused, so nothing can be said"
    return gone, f"one key was refused ({', '.join(codes)}), the other {'is gone' if gone else 'is still there'}"


def _lock(bench: Bench) -> Found:
    found = _configured(bench, "get_object_lock_configuration", "ObjectLockConfiguration")
    retention = found.get("Rule", {}).get("DefaultRetention", {}) if isinstance(found, dict) else {}
    if isinstance(found, str):
        return None, found
    if retention:
        span = f"{retention['Days']} days" if "Days" in retention else f"{retention.get('Years')} years"
        return True, f"each object is locked for {span}: until then purges report it as kept by the store"
    return True, "on, without a default: locked objects are reported as kept" if found else "off"


def _copies(bench: Bench) -> Found:
    found = _configured(bench, "get_bucket_replication", "ReplicationConfiguration")
    if isinstance(found, str):
        return True, f"nobody could say whether the bucket is copied elsewhere ({found}): see to it yourself"
    if found.get("Rules"):
        return False, "the bucket is copied elsewhere: what is deleted here by its version stays there"
    return True, "the bucket is copied nowhere"


def _configured(bench: Bench, operation: str, name: str) -> dict[str, Any] | str:
    """Ask how the bucket is set; gives the store's words where it does not tell."""
    try:
        found: dict[str, Any] = getattr(_s3(bench).client, operation)(Bucket=_s3(bench).bucket).get(name) or {}
    except ClientError as exc:
        return {} if exc.response.get("Error", {}).get("Code") in _NOT_SET else str(exc)
    except S3_ERRORS as exc:
        return str(exc)
    return found


TRIALS = (
    Try("versions", "whether the bucket keeps versions", _versioning),
    Try("nothing kept", "one is written twice and purged; what is kept of it is looked for", _kept),
    Try("hidden by a marker", "one is deleted plainly, as people do, then purged", _hidden, needed=False),
    Try("unfinished uploads", "an upload is begun, listed, aborted and looked for", _unfinished),
    Try("errors in an answer", "two are deleted at once, one of them by a version that does not exist", _errors,
        needed=False),
    Try("object lock", "whether the bucket locks what is written", _lock, needed=False),
    Try("copies", "whether the bucket is copied elsewhere", _copies),
)  # fmt: skip
"""In the order in which they are tried."""


def _unasked(bench: Bench) -> Found:
    if bench.objects.opened.folder is not None:
        return True, "a folder keeps none; snapshots of the file system below it are not seen from here"
    return None, "whether this store keeps versions or undeletes can only be asked of S3"


UNASKED = (Try("versions", "whether the store keeps what is deleted", _unasked),)
"""In place of those above where the store does not speak S3."""
