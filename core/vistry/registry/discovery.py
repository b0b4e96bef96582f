"""Finding installed plugins and reading their manifests, without importing a line of their code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from vistry.registry.manifest import (
    API,
    IncompatibleError,
    Manifest,
    ManifestError,
    read_manifest,
)

GROUP = "vistry.plugins"
State = Literal["ok", "disabled", "incompatible", "invalid", "conflict", "broken"]


@dataclass(frozen=True)
class Plugin:
    """An installed plugin as a record: a plugin that can't be used is data too, never an exception."""

    name: str
    distribution: str
    version: str
    path: Path | None
    state: State = "ok"
    reason: str = ""
    remedy: str = ""
    manifest: Manifest | None = None

    def in_state(self, state: State, reason: str, remedy: str) -> Plugin:
        """The same plugin in another state, with what to do about it."""
        return replace(self, state=state, reason=reason, remedy=remedy)

    def to_dict(self) -> dict[str, object]:
        """The record as plain JSON values."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "state": self.state,
            "reason": self.reason,
            "remedy": self.remedy,
            "path": str(self.path) if self.path else None,
            "api": self.manifest.api if self.manifest else None,
            "license": self.manifest.license if self.manifest else None,
            "summary": self.manifest.summary if self.manifest else None,
            "models": sorted(self.manifest.models) if self.manifest else [],
        }


def _name_and_version(entry: EntryPoint) -> tuple[str, str]:
    """From the header lines of METADATA: parsing the whole message costs a query ten times as much."""
    text = (entry.dist.read_text("METADATA") or entry.dist.read_text("PKG-INFO") or "") if entry.dist else ""
    header = text.partition("\n\n")[0].splitlines()
    found = {key: value.strip() for key, _, value in (line.partition(":") for line in header)}
    return found.get("Name", entry.name), found.get("Version", "unknown")


def _manifest_path(entry: EntryPoint) -> Path:
    """The file an entry point names. Raises ValueError with the reason it can't be found."""
    package, _, file = entry.value.partition(":")
    package, file = package.strip(), file.strip() or "plugin.toml"
    if "." in package:
        top = package.partition(".")[0]
        raise ValueError(
            f"its entry point '{entry.value}' names a package inside '{top}', and finding that would run "
            f"{top}/__init__.py; move {file} into '{top}' and write \"{top}:{file}\""
        )
    spec = PathFinder.find_spec(package)
    locations = (spec.submodule_search_locations if spec else None) or []
    for location in locations:
        if (path := Path(location) / file).is_file():
            return path
    if not locations:
        raise ValueError(f"its entry point names the package '{package}', which is not installed")
    raise ValueError(f"there is no {file} in {list(locations)[0]}")


def _read(entry: EntryPoint) -> Plugin:
    distribution, version = _name_and_version(entry)
    plugin = Plugin(entry.name, distribution, version, None)
    disable = f"vistry plugins disable {entry.name}"
    try:
        path = _manifest_path(entry)
    except ValueError as error:
        return plugin.in_state("invalid", str(error), f"reinstall it, or type: {disable}")
    plugin = replace(plugin, path=path)
    try:
        return replace(plugin, manifest=read_manifest(path))
    except IncompatibleError as error:
        wanted = tuple(int(part) for part in error.api.split("."))
        upgrade = "vistry" if wanted > API else distribution
        return plugin.in_state("incompatible", str(error), f"type: pip install --upgrade {upgrade}")
    except ManifestError as error:
        return plugin.in_state("invalid", str(error), f"correct the file, or type: {disable}")


def discover() -> Iterator[Plugin]:
    """Every installed plugin with what its manifest says, sorted by name and distribution."""
    found = [_read(entry) for entry in entry_points(group=GROUP)]
    yield from sorted(found, key=lambda plugin: (plugin.name, plugin.distribution))
