"""Copies of published weights for a machine without a network, and their removal from this one."""

from __future__ import annotations

import shutil
from pathlib import Path

from vistry.registry.manifest import HubFile, WeightsSpec
from vistry.registry.weights_cache import MAIN, WeightsCache, file_name, repository_folder, weights_cache
from vistry.runs.files import replacing, write_text
from vistry.weights.fetch import partial_path
from vistry.weights.locate import LocatedWeights


def copy_to(folder: Path, spec: WeightsSpec, located: LocatedWeights) -> None:
    """Copy a file into a folder, where it lies as in the folder of weights. Raises RunError if that can't be written.

    What an installed package carries isn't copied: the package is there where its plugin is.
    """
    if spec.package_and_file:
        return
    if spec.hub_file is None:
        _copy(located.path, folder / file_name(spec))
        return
    revision, repository = spec.hub_file.revision or MAIN, folder / repository_folder(spec.hub_file)
    commit = located.revision or revision
    _copy(located.path, repository / "snapshots" / commit / spec.hub_file.file)
    if commit != revision:
        write_text(repository / "refs" / revision, commit)


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and target.resolve() == source.resolve():
        return
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def remove(spec: WeightsSpec) -> list[Path]:
    """Remove the file of published weights and what is there of one that was never complete; return what went."""
    removed = []
    # The same file may lie in both folders: in the hub's and as a person's copy.
    while file := WeightsCache.read().find(spec):
        _remove_file(file.path, spec.hub_file)
        removed.append(file.path)
    if spec.hub_file is None:
        partial_path(weights_cache() / file_name(spec)).unlink(missing_ok=True)
    return removed


def _remove_file(path: Path, file: HubFile | None) -> None:
    """Remove a file; of the hub's cache also its content, where no other commit has the same."""
    content = path.resolve()
    path.unlink()
    if file is None or content == path or not content.is_file():
        return
    repository = next(parent for parent in path.parents if parent.name == repository_folder(file))
    if not any(other.resolve() == content for other in repository.glob(f"snapshots/*/{file.file}")):
        content.unlink()
