"""The names that an image may have here whose address a labelling tool's server made."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

# What Label Studio puts before the name of a file that was uploaded.
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def names_of(address: str) -> list[str]:
    """The paths to try, the likeliest first: of a query that names a local file, of an upload without its prefix."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    path = query["d"][0] if "d" in query else address
    if parts.scheme in ("http", "https") and "d" not in query:
        path = unquote(parts.path)
    path = path.removeprefix("/data/local-files/").replace("\\", "/")
    folder, slash, name = path.rpartition("/")
    plain = _UPLOAD_PREFIX.sub("", name)
    names = [path] if plain == name else [f"{folder}{slash}{plain}", path, plain]
    decoded = [unquote(name) for name in names if unquote(name) != name]
    plain_names = [name.lstrip("/") if "upload" in name or "d" in query else name for name in [*names, *decoded]]
    # A server may serve everything, so that the path that it is asked for begins at the root.
    return [*plain_names, f"/{path.lstrip('/')}"] if "d" in query else plain_names
