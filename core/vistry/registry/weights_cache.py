"""Where published weights lie on this machine: files by their names, and repositories of a hub as its library has them.

A repository is a folder `models--OWNER--NAME` with a folder for each commit, `snapshots/COMMIT`, and files in `refs`
that say which commit a branch or tag meant when it was fetched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vistry.registry.manifest import HubFile, WeightsSpec
from vistry.registry.package_files import package_file

MAIN = "main"  # the branch of a repository that is meant where none is named


class CachedFile(NamedTuple):
    """A file on this machine; of a repository, with the commit that it is of, as far as that is known."""

    path: Path
    revision: str | None = None


def weights_cache() -> Path:
    """Return the folder of published weights: VISTRY_WEIGHTS, or one in the user's cache folder."""
    if folder := os.environ.get("VISTRY_WEIGHTS"):
        return Path(folder).expanduser()
    return _user_cache() / "vistry" / "weights"


def hub_cache() -> Path:
    """Return the folder in which huggingface_hub keeps files, by the variables that it reads."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := os.environ.get(name):
            return _expanded(folder)
    if home := os.environ.get("HF_HOME"):
        return _expanded(home) / "hub"
    return _user_cache() / "huggingface" / "hub"


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _expanded(folder: str) -> Path:
    return Path(os.path.expandvars(folder)).expanduser()


@dataclass(frozen=True)
class WeightsCache:
    """What the folders of published weights hold. Each is listed once, however many files are asked for."""

    listed: tuple[tuple[Path, frozenset[str]], ...]

    @classmethod
    def read(cls) -> WeightsCache:
        """What they hold now: the folder of weights, and the hub's."""
        return cls(tuple((folder, _names_in(folder)) for folder in (weights_cache(), hub_cache())))

    def find(self, spec: WeightsSpec) -> CachedFile | None:
        """The file of published weights; None where it has to be fetched, or its package isn't installed."""
        if spec.package_and_file:
            try:
                return CachedFile(package_file(*spec.package_and_file))
            except (ValueError, ImportError):
                return None
        if spec.hub_file:
            return self._of_repository(spec.hub_file)
        folder, names = self.listed[0]
        name = file_name(spec)
        return CachedFile(folder / name) if name in names else None

    def _of_repository(self, file: HubFile) -> CachedFile | None:
        for folder, names in self.listed:
            if repository_folder(file) in names and (here := _in_repository(folder / repository_folder(file), file)):
                return here
        return None


def file_name(spec: WeightsSpec) -> str:
    """What the file of an address is called: as there, so that one which a person downloaded is recognised."""
    return Path(spec.source).name


def repository_folder(file: HubFile) -> str:
    """What huggingface_hub calls the folder of a repository."""
    return f"models--{file.repository.replace('/', '--')}"


def place_of(file: HubFile) -> Path:
    """Where a person may put the file of a repository, in the folder of weights."""
    return weights_cache() / repository_folder(file) / "snapshots" / (file.revision or MAIN) / file.file


def _in_repository(folder: Path, file: HubFile) -> CachedFile | None:
    """The file at the commit that its revision meant when it was fetched."""
    revision = file.revision or MAIN
    try:
        commit = (folder / "refs" / revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        commit = revision
    for name in dict.fromkeys((commit, revision)):
        path = folder / "snapshots" / name / file.file
        if path.is_file():
            return CachedFile(path, None if name == MAIN else name)
    return None


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except OSError:
        return frozenset()
