"""Names: those that a manifest gives to things, its references to code, and those of plugins and distributions."""

from __future__ import annotations

import re
from typing import Annotated

from vistry.registry.typed_toml import matching

Name = Annotated[
    str, matching(r"[a-z][a-z0-9_]*", "a name of lower-case letters, digits and _, beginning with a letter")
]
Reference = Annotated[
    str, matching(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?", "of the form 'package.module' or 'package.module:name'")
]
Attribute = Annotated[str, matching(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "of the form 'package.module:name'")]


def canonical_name(distribution: str) -> str:
    """A distribution's name in the one spelling that pip compares (PEP 503): `Vistry_X` is `vistry-x`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def is_called(word: str, plugin: str, distribution: str) -> bool:
    """Whether a word is the name of a plugin, or of its distribution in any spelling."""
    return word == plugin or canonical_name(word) == canonical_name(distribution)
