"""The files of a plugin's wheel: built from its source tree where there is one, else as installed."""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Collection, Iterator, Mapping
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


_NOT_PACKED = ("tests", "docs", "examples", "build", "dist")  # folders of a source tree


def packed_files(distribution: str, manifest: Path) -> Mapping[str, str]:
    """Return the names of the wheel's files, with the text of its metadata and its Python files, "" for others."""
    tree = source_tree(distribution, manifest)
    return _files_of_built_wheel(tree) if tree else _installed_files(distribution, manifest)


def missing_modules(files: Mapping[str, str], packages: Mapping[str, Path]) -> dict[str, str]:
    """Return the modules that a wheel's files import and the wheel lacks, each with the file that imports it.

    Only those count that lie in the source tree, below the folders of its `packages`: another name may be optional.
    """
    missing: dict[str, str] = {}
    for file, text in files.items():
        if file.endswith(".py"):
            for module in _imported_modules(file, text):
                if _has_source(module, packages) and not _is_packed(module, files):
                    missing.setdefault(module, file)
    return missing


def packages_of(distribution: str, package: str, manifest: Path) -> dict[str, Path]:
    """Return the folder of a plugin's package, and of a source tree those of the packages beside it."""
    folder = manifest.resolve().parent
    beside = folder.parent.iterdir() if source_tree(distribution, manifest) else ()
    others = {path.name: path for path in beside if path.name not in _NOT_PACKED and any(path.glob("*.py"))}
    return {**others, package: folder}


def _imported_modules(file: str, text: str) -> Iterator[str]:
    """Yield the full names of the modules that a file may import, anywhere in it; of `from a import b` a.b, too."""
    here = file.removesuffix(".py").split("/")[:-1]
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # importing it says so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def _is_packed(module: str, files: Collection[str]) -> bool:
    place = module.replace(".", "/")
    return any(file.startswith((f"{place}/", f"{place}.")) for file in files)


def _has_source(module: str, packages: Mapping[str, Path]) -> bool:
    """Return whether a source tree has a module, as a file or as a folder with Python files."""
    top, *inner = module.split(".")
    if top not in packages:
        return False
    path = packages[top].joinpath(*inner)
    return path.with_suffix(".py").is_file() or any(path.glob("*.py"))


def entry_points_of(files: Mapping[str, str]) -> set[str]:
    """Return a wheel's entry points that are plugins, as `name = package:plugin.toml`."""
    text = next((text for name, text in files.items() if name.endswith(".dist-info/entry_points.txt")), "")
    _, _, after = text.partition(f"[{GROUP}]")
    lines = after.partition("\n[")[0].strip().splitlines()
    return {" = ".join(part.strip() for part in line.split("=")) for line in lines}


def source_tree(distribution: str, manifest: Path) -> Path | None:
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
    return archive.read(name).decode() if ".dist-info/" in name or name.endswith(".py") else ""


def _installed_files(distribution: str, manifest: Path) -> Mapping[str, str]:
    """Return the files that the installer recorded, where there is no source tree."""
    files = metadata.distribution(distribution).files
    if files is None:
        raise NothingToCheck(
            f"{distribution} has no pyproject.toml above {manifest}, and no RECORD where it is installed; "
            "install it with pip"
        )
    return {
        file.as_posix(): (file.read_text() or "") if file.name == "entry_points.txt" or file.suffix == ".py" else ""
        for file in files
    }
