"""Names of plugins and distributions."""

from __future__ import annotations

import re


def canonical_name(distribution: str) -> str:
    """A distribution's name in the one spelling that pip compares (PEP 503): `Vistry_X` is `vistry-x`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def is_called(word: str, plugin: str, distribution: str) -> bool:
    """Whether a word is the name of a plugin, or of its distribution in any spelling."""
    return word == plugin or canonical_name(word) == canonical_name(distribution)
