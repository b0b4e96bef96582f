"""Finding installed plugins and reading their manifests, without importing a line of their code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vistry.errors import RegistryError
from vistry.registry.installed import GROUP, Installed, installed_distributions
from vistry.registry.manifest import Manifest
from vistry.registry.manifest_file import IncompatibleError, read_manifest
from vistry.registry.package_files import package_file
from vistry.registry.part_specs import KINDS
from vistry.registry.records import PluginRecord, State
from vistry.registry.toml_file import TomlFileError


@dataclass(frozen=True)
class Plugin:
    """An installed plugin as a record: a plugin that can't be used is data too, never an exception.

    `handle` is the name that commands know it by: its own, or its distribution's where two have the same. `notes` say
    what is odd about its installation and no fault of its own.
    """

    name: str
    distribution: str
    version: str
    path: Path | None = None
    state: State = "ok"
    reason: str = ""
    remedy: str = ""
    manifest: Manifest | None = None
    handle: str = ""
    notes: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models the manifest declares, in its order."""
        return tuple(self.manifest.models) if self.manifest else ()

    @property
    def parts(self) -> dict[str, list[str]]:
        """The names of what the manifest declares beside models, by kind: optimizers, schedules, ..."""
        return {kind: list(names) for kind in KINDS if (names := getattr(self.manifest, kind, ()))}

    @property
    def in_use(self) -> bool:
        """Whether its models and its wrappers take part; of a plugin in conflict, the uncontested ones do."""
        return self.state in ("ok", "conflict")

    def in_state(self, state: State, reason: str, remedy: str) -> Plugin:
        """The same plugin in another state, with what to do about it."""
        return replace(self, state=state, reason=reason, remedy=remedy)

    def to_dict(self) -> PluginRecord:
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
            "models": list(self.models),
            "parts": self.parts,
            "notes": list(self.notes),
        }


def discover() -> list[Plugin]:
    """Every installed plugin with what its manifest says, sorted by name and distribution."""
    entries = [(plugin, value) for installed in installed_distributions() for plugin, value in _entries(installed)]
    count = Counter(plugin.name for plugin, _ in entries)
    return sorted(
        (_read(_with_handle(plugin, count[plugin.name] == 1), value) for plugin, value in entries),
        key=lambda plugin: (plugin.name, plugin.distribution),
    )


def is_current(plugin: Plugin) -> bool:
    """Whether a plugin has the manifest that lies there now. One that couldn't be read may be right by now."""
    if plugin.path is None or plugin.manifest is None:
        return False
    try:
        return read_manifest(plugin.path) is plugin.manifest
    except RegistryError:
        return False


def _entries(installed: Installed) -> Iterator[tuple[Plugin, str]]:
    """The plugins of a distribution, each with the value of its entry point."""
    name, version = installed.name, installed.version
    try:
        entries = list(installed.record.entries_of(GROUP))
    except ValueError as error:
        remedy = f"type: pip install --force-reinstall {name}"
        unreadable = Plugin(name, name, version)
        yield unreadable.in_state("invalid", f"its entry_points.txt can't be read: {error}", remedy), ""
        return
    for plugin, value in entries:
        yield Plugin(plugin, name, version, notes=tuple(installed.notes())), value


def _with_handle(plugin: Plugin, is_unique: bool) -> Plugin:
    return replace(plugin, handle=plugin.name if is_unique else plugin.distribution)


def _read(plugin: Plugin, entry: str) -> Plugin:
    """The plugin with its manifest, or in the state that says why it has none."""
    if plugin.state != "ok":
        return plugin
    disable = f"type: vistry plugins disable {plugin.handle}"
    try:
        _check_name(plugin.name)
        path = _manifest_path(entry)
    except (ValueError, ImportError) as error:
        remedy = f'correct [project.entry-points."{GROUP}"] in its pyproject.toml and reinstall it, or {disable}'
        return plugin.in_state("invalid", str(error), remedy)
    plugin = replace(plugin, path=path)
    try:
        return replace(plugin, manifest=read_manifest(path))
    except IncompatibleError as error:
        upgrade = "vistry" if error.is_newer else plugin.distribution
        return plugin.in_state("incompatible", str(error), f"type: pip install --upgrade {upgrade}, or {disable}")
    except TomlFileError as error:
        reason = "; ".join(map(str, error.problems))
        return plugin.in_state("invalid", reason, f"correct the file, or {disable}")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"its name '{name}' must be lower-case letters, digits and _, beginning with a letter")


def _manifest_path(entry: str) -> Path:
    """The file that an entry point's value names. Raises ValueError with the reason where there is none."""
    package, _, file = (part.strip() for part in entry.partition(":"))
    if not package or not file:
        raise ValueError(f"its entry point '{entry}' is not of the form 'package:plugin.toml'")
    if "." in package:
        top = package.partition(".")[0]
        raise ValueError(
            f"its entry point '{entry}' names a package inside '{top}', and finding that would run "
            f"{top}/__init__.py; move {file} into '{top}' and write '{top}:{file}'"
        )
    try:
        return package_file(package, file)
    except ValueError as error:
        raise ValueError(f"its entry point names {error}") from None
