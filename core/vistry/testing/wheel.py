"""The files of a plugin's wheel: built from its source tree where there is one, else as installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from vistry.registry.installed import GROUP
from vistry.registry.names import canonical_name
from vistry.testing.check import CheckFailed, NothingToCheck

# Calls a build backend as PEP 517 says, without pip, which would want the network.
_BUILD = """
import pkgutil, sys
backend, folder, *sys.path[:0] = sys.argv[1:]
pkgutil.resolve_name(backend).build_wheel(folder)
"""


def packed_files(distribution: str, manifest: Path) -> Mapping[str, str]:
    """Return the names of the wheel's files, with the text of its metadata, "" for others."""
    tree = _source_tree(distribution, manifest)
    return _files_of_built_wheel(tree) if tree else _installed_files(distribution, manifest)


def entry_points_of(files: Mapping[str, str]) -> set[str]:
    """Return a wheel's entry points that are plugins, as `name = package:plugin.toml`."""
    text = next((text for name, text in files.items() if name.endswith(".dist-info/entry_points.txt")), "")
    _, _, after = text.partition(f"[{GROUP}]")
    lines = after.partition("\n[")[0].strip().splitlines()
    return {" = ".join(part.strip() for part in line.split("=")) for line in lines}


def _source_tree(distribution: str, manifest: Path) -> Path | None:
    """Return the folder above a manifest whose pyproject.toml names the distribution; None where there is none."""
    for folder in manifest.resolve().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            name = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name", "")
            if canonical_name(name) == canonical_name(distribution):
                return folder
    return None


def _files_of_built_wheel(tree: Path) -> Mapping[str, str]:
    """Build the wheel offline, with the installed backend, in a temporary folder; return its files."""
    system = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8")).get("build-system", {})
    backend = system.get("build-backend", "setuptools.build_meta")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _BUILD, backend, folder, *system.get("backend-path", ())]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            reason = done.stderr.strip().rpartition("\n")[2]
            if f"No module named '{backend.partition('.')[0]}'" in reason:
                raise NothingToCheck(
                    f"the build backend {backend} is not installed; add it to the requirements of the tests"
                )
            raise CheckFailed(f"building a wheel from {tree} fails: {reason}")
        with zipfile.ZipFile(wheels[0]) as archive:
            return {name: _text(name, archive) for name in archive.namelist()}


def _text(name: str, archive: zipfile.ZipFile) -> str:
    return archive.read(name).decode() if ".dist-info/" in name else ""


def _installed_files(distribution: str, manifest: Path) -> Mapping[str, str]:
    """Return the files that the installer recorded, where there is no source tree."""
    files = metadata.distribution(distribution).files
    if files is None:
        raise NothingToCheck(
            f"{distribution} has no pyproject.toml above {manifest}, and no RECORD where it is installed; "
            "install it with pip"
        )
    return {file.as_posix(): file.read_text() if file.name == "entry_points.txt" else "" for file in files}
