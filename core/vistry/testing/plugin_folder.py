"""A plugin in a folder, checked before it is installed: put on Python's path as pip would have installed it."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import RegistryError
from vistry.registry.installed import GROUP

_USUAL_PLACES = (".", "src", "lib", "python")


def is_folder(name: str) -> bool:
    """Return whether a text names a folder, and not an installed plugin: it has a separator, or is '.' or '..'."""
    return name in (".", "..") or os.sep in name or "/" in name


@contextmanager
def checkable(name: str) -> Iterator[str]:
    """Give the name of the plugin to check: the name itself, or that of the plugin in a folder, installed meanwhile.

    Raises RegistryError for a folder without a plugin.
    """
    if not is_folder(name):
        yield name
        return
    with installed(Path(name)) as plugin:
        yield plugin


@contextmanager
def installed(tree: Path) -> Iterator[str]:
    """Put the plugin of a source tree first on Python's path, and give its name, without writing into the tree.

    Raises RegistryError where its pyproject.toml doesn't say which plugin it is.
    """
    project = _Project.read(tree.resolve())
    with tempfile.TemporaryDirectory(prefix="vistry-check-") as scratch:
        site = Path(scratch)
        places = {project.place_of(value.partition(":")[0].strip(), site) for value in project.entries.values()}
        _write_record(site, project)
        before = list(sys.path)
        sys.path[:0] = [*map(str, places - {site}), str(site)]
        importlib.invalidate_caches()
        try:
            yield next(iter(project.entries)) if len(project.entries) == 1 else project.name
        finally:
            sys.path[:] = before
            importlib.invalidate_caches()


@dataclass(frozen=True)
class _Project:
    """A source tree, and what its pyproject.toml says; `entries` are the entry points that are plugins."""

    tree: Path
    name: str
    version: str
    entries: Mapping[str, str]
    tool: Mapping[str, Any]

    @classmethod
    def read(cls, tree: Path) -> _Project:
        """Read a source tree. Raises RegistryError where it is no plugin."""
        file = tree / "pyproject.toml"
        if not file.is_file():
            raise RegistryError(
                f"{tree} has no pyproject.toml, so it is no plugin; to begin one type: vistry plugins new NAME"
            )
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RegistryError(f"{file} can't be read: {error}") from None
        project = settings.get("project", {})
        entries = project.get("entry-points", {}).get(GROUP, {})
        if not entries:
            raise RegistryError(
                f'{file} has no [project.entry-points."{GROUP}"], so it is no plugin; add that table with a line such '
                'as mynet = "vistry_mynet:plugin.toml"'
            )
        if "name" not in project:
            raise RegistryError(f"{file} has no name under [project]; add name = ...")
        version = str(project.get("version", "0"))
        return cls(tree, project["name"], version=version, entries=entries, tool=settings.get("tool", {}))

    def place_of(self, package: str, site: Path) -> Path:
        """Return the folder that has a package, to be put on the path; `site` where its own folder has another name.

        Raises RegistryError where the package isn't in the tree.
        """
        folder = next((folder for folder in self._candidates(package) if folder.is_dir()), None)
        if folder is None:
            looked = ", ".join(str(self.tree / place) for place in _USUAL_PLACES)
            raise RegistryError(
                f"the entry point in {self.tree / 'pyproject.toml'} names the package '{package}', which is in none of "
                f"{looked}; correct its name, or install the plugin and check it by its name"
            )
        if folder.name == package:
            return folder.parent
        (site / package).symlink_to(folder, target_is_directory=True)
        return site

    def _candidates(self, package: str) -> Iterator[Path]:
        """Yield where a package may be: as setuptools or hatchling are told, else in the usual places."""
        setuptools, hatch = self.tool.get("setuptools", {}), self.tool.get("hatch", {})
        mapping = setuptools.get("package-dir", {})
        if package in mapping:
            yield self.tree / mapping[package]
        packages = setuptools.get("packages", {})
        where = packages.get("find", {}).get("where", []) if isinstance(packages, Mapping) else []
        for place in [*([mapping[""]] if "" in mapping else []), *where]:
            yield self.tree / place / package
        for place in hatch.get("build", {}).get("targets", {}).get("wheel", {}).get("packages", []):
            if Path(place).name == package:
                yield self.tree / place
        for place in _USUAL_PLACES:
            yield self.tree / place / package


def _write_record(site: Path, project: _Project) -> None:
    """Write the record that makes a distribution known, as an installer would."""
    record = site / f"{project.name.replace('-', '_')}-{project.version}.dist-info"
    record.mkdir()
    facts = f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {project.version}\n"
    (record / "METADATA").write_text(facts, encoding="utf-8")
    lines = "".join(f"{key} = {value}\n" for key, value in project.entries.items())
    (record / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}", encoding="utf-8")
