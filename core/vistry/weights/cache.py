"""The folder on this machine that published weights are kept in."""

from __future__ import annotations

import os
from pathlib import Path


def weights_cache() -> Path:
    """Return the folder of published weights: VISTRY_WEIGHTS, or one in the user's cache folder."""
    if folder := os.environ.get("VISTRY_WEIGHTS"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vistry" / "weights"
