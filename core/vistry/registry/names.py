"""The names that a manifest may give to things, and its references to code."""

from __future__ import annotations

from typing import Annotated

from vistry.registry.typed_toml import matching

Name = Annotated[
    str, matching(r"[a-z][a-z0-9_]*", "a name of lower-case letters, digits and _, beginning with a letter")
]
Reference = Annotated[
    str, matching(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?", "of the form 'package.module' or 'package.module:name'")
]
Attribute = Annotated[str, matching(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "of the form 'package.module:name'")]
