"""One table of a map file, read key by key, with every unknown key refused.

A misspelt key that is silently passed over is how an export gets imported with the wrong zone; so a table remembers
what has been asked of it, and `close` refuses the rest by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from ebbtide.domain.errors import InputInvalid


class MapTable:
    """A TOML table on its way to becoming part of a map.

    Args:
        entries: the parsed table.
        name: dotted name of the table, empty for the file itself.
    """

    def __init__(self, entries: dict[str, object], *, name: str = "") -> None:
        self._entries = entries
        self._name = name
        self._asked: list[str] = []

    def label(self, key: str) -> str:
        """Give the dotted name of a key, for messages."""
        return f"{self._name}.{key}" if self._name else key

    def refuse(self, key: str, problem: str) -> NoReturn:
        """Refuse the map because of one key.

        Raises:
            InputInvalid: always, with the dotted key as its field.
        """
        label = self.label(key)
        raise InputInvalid(f"The map's {label} {problem}", field=label)

    def table(self, key: str) -> MapTable:
        """Take a table; an absent one is an empty one."""
        found = self._take(key)
        if found is None:
            return MapTable({}, name=self.label(key))
        if not isinstance(found, dict):
            self.refuse(key, f"must be a table: write it under a line [{self.label(key)}].")
        return MapTable(found, name=self.label(key))

    def text(self, key: str) -> str | None:
        """Take a non-empty text, or None where the key is absent."""
        found = self._take(key)
        if found is None:
            return None
        if not isinstance(found, str) or not found:
            self.refuse(key, 'must be a text between quotes that is not empty, such as "type".')
        return found

    def texts(self, key: str, *, empty: bool = False) -> tuple[str, ...] | None:
        """Take a text or a list of texts.

        Args:
            key: name of the entry.
            empty: whether an empty text may be among them.

        Returns:
            The texts in their order, or None where the key is absent.
        """
        found = self._take(key)
        if found is None:
            return None
        listed = found if isinstance(found, list) else [found]
        texts = tuple(item for item in listed if isinstance(item, str) and (item or empty))
        if len(texts) != len(listed) or not texts:
            self.refuse(key, 'must be a text or a list of texts, such as ["line", "call_id"].')
        if len(set(texts)) != len(texts):
            self.refuse(key, "names the same thing twice: list each one once.")
        return texts

    def truth(self, key: str, *, default: bool) -> bool:
        """Take true or false."""
        found = self._take(key)
        if found is None:
            return default
        if not isinstance(found, bool):
            self.refuse(key, "must be true or false, without quotes.")
        return found

    def whole(self, key: str, *, default: int, low: int, high: int) -> int:
        """Take a whole number within bounds, both included."""
        found = self._take(key)
        if found is None:
            return default
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            self.refuse(key, f"must be a whole number from {low} to {high}.")
        return found

    def names(self) -> tuple[str, ...]:
        """List the keys that were written, for tables whose keys are free."""
        return tuple(self._entries)

    def holds_table(self, key: str) -> bool:
        """Tell whether an entry is itself a table."""
        return isinstance(self._entries.get(key), dict)

    def close(self, *, known: Iterable[str] = ()) -> None:
        """Refuse what nobody asked for.

        Args:
            known: further names to suggest from.

        Raises:
            InputInvalid: a key has no meaning here.
        """
        for key in self._entries:
            if key in self._asked:
                continue
            names = sorted({*self._asked, *known})
            near = get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"what may stand here: {', '.join(names)}."
            self.refuse(key, f"is not a key of a map: {hint}")

    def _take(self, key: str) -> object:
        self._asked.append(key)
        return self._entries.get(key)
