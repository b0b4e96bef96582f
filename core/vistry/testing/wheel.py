"""What a plugin's wheel holds: built from its source tree where there is one, else as it was installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from vistry.registry.discovery import GROUP
from vistry.testing.check import CheckFailed, NothingToCheck

_BUILD = """
import pkgutil, sys
backend, folder, *sys.path[:0] = sys.argv[1:]
pkgutil.resolve_name(backend).build_wheel(folder)
"""


def packed_files(distribution: str, manifest: Path) -> Mapping[str, str]:
    """The names of the wheel's files, with the text of those that describe it."""
    tree = _source_tree(distribution, manifest)
    return _built(tree) if tree else _installed(distribution, manifest)


def entry_points_of(files: Mapping[str, str]) -> set[str]:
    """The lines of a wheel's entry points that are plugins, as `name = package:plugin.toml`."""
    text = next((text for name, text in files.items() if name.endswith(".dist-info/entry_points.txt")), "")
    _, _, after = text.partition(f"[{GROUP}]")
    lines = after.partition("\n[")[0].strip().splitlines()
    return {" = ".join(part.strip() for part in line.split("=")) for line in lines}


def _source_tree(distribution: str, manifest: Path) -> Path | None:
    """The folder above a manifest whose pyproject.toml names the distribution."""
    for folder in manifest.resolve().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            named = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name", "")
            if _canonical(named) == _canonical(distribution):
                return folder
    return None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def _built(tree: Path) -> Mapping[str, str]:
    """Build the wheel offline, with the backend that is installed here, into a temporary folder."""
    system = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8")).get("build-system", {})
    backend = system.get("build-backend", "setuptools.build_meta")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _BUILD, backend, folder, *system.get("backend-path", ())]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            reason = done.stderr.strip().rpartition("\n")[2]
            if f"No module named '{backend.partition('.')[0]}'" in reason:
                raise NothingToCheck(f"the build backend {backend} is not installed; add it to what tests need")
            raise CheckFailed(f"no wheel can be built from {tree}: {reason}")
        with zipfile.ZipFile(wheels[0]) as archive:
            return {name: _text(name, archive) for name in archive.namelist()}


def _text(name: str, archive: zipfile.ZipFile) -> str:
    return archive.read(name).decode() if ".dist-info/" in name else ""


def _installed(distribution: str, manifest: Path) -> Mapping[str, str]:
    """The files that the installer noted down, where there is no source tree."""
    found = metadata.distribution(distribution).files
    if found is None:
        raise NothingToCheck(
            f"no pyproject.toml of {distribution} is above {manifest}, and its installed distribution has no RECORD; "
            "install it with pip"
        )
    return {file.as_posix(): file.read_text() if file.name == "entry_points.txt" else "" for file in found}
