"""Which minor version of the plugin API added which key of a manifest, as docs/reference/plugin-api-versions.md lists.

A key that is missing here is as old as 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[str, ...]

# "*" stands for a name that the author chooses, or for an entry of an array: ("models", "*", "tags") = 1 would say that
# 1.1 added the key `tags` of each model.
ADDED_IN: Mapping[Key, int] = {}


def newer_keys(data: Mapping[str, Any], minor: int) -> Iterator[tuple[Key, int]]:
    """Each key of a manifest that a later minor version than this one added, with that version."""
    if all(added <= minor for added in ADDED_IN.values()):
        return
    for key in _keys_in(data):
        for pattern, added in ADDED_IN.items():
            if added > minor and _matches(key, pattern):
                yield key, added


def _keys_in(value: Any, above: Key = ()) -> Iterator[Key]:
    """The path of each key, in tables and in arrays of tables."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, entry in entries:
        key = (*above, str(name))
        yield key
        yield from _keys_in(entry, key)


def _matches(key: Key, pattern: Key) -> bool:
    return len(key) == len(pattern) and all(want in ("*", part) for part, want in zip(key, pattern, strict=True))
