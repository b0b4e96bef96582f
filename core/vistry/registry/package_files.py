"""Locate files in installed packages without running any of their code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def package_file(package: str, file: str) -> Path:
    """A file inside an installed top-level package.

    Raises ValueError or ImportError; the text of a ValueError goes on after "names".
    """
    spec = find_spec(package)
    locations = list((spec.submodule_search_locations if spec else None) or ())
    if not locations:
        raise ValueError(f"the package '{package}', which is not installed")
    paths = [Path(location) / file for location in locations]
    for path in paths:
        if path.is_file():
            return path
    raise ValueError(f"the file {paths[0]}, which doesn't exist")
