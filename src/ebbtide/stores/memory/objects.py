"""An object store in memory."""

from collections.abc import Iterator, Sequence

from ebbtide.domain.outcome import AlreadyGone, Outcome, Purged


class MemoryObjects:
    """An object store in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, content: bytes) -> None:
        """Take an object."""
        self._objects[key] = content

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix of whole path segments; "" for all."""
        below = f"{prefix.rstrip('/')}/" if prefix else ""
        return iter([key for key in self._objects if key.startswith(below)])

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Say which of the keys are not there."""
        return {key for key in keys if key not in self._objects}

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete objects; one outcome a key, in order."""
        there = [key in self._objects for key in keys]
        for key in keys:
            self._objects.pop(key, None)
        return [Purged() if was else AlreadyGone() for was in there]
