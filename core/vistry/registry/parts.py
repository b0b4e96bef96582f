"""The parts of a training by name: core's own and those of every plugin in use. Reading them runs no code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from vistry.errors import RegistryError, suggestion
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.part_specs import (
    AugmentationSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    PartTables,
    ReaderSpec,
    ScheduleSpec,
)
from vistry.registry.policy import FILE_NAME
from vistry.registry.toml_file import read_toml, validated

# The owner of the parts that need no plugin; their names can't be taken.
CORE = "vistry"
CORE_PARTS = Path(__file__).with_name("core_parts.toml")

Spec = TypeVar("Spec", OptimizerSpec, ScheduleSpec, ReaderSpec, MetricSpec, LossSpec, AugmentationSpec)


@dataclass(frozen=True)
class Part(Generic[Spec]):
    """An optimiser, a schedule, ...: what the manifest at `path` declares. `plugin` is None for core's own."""

    name: str
    spec: Spec
    path: Path
    plugin: Plugin | None = None

    @property
    def owner(self) -> str:
        """The plugin that brings it, `vistry` for core."""
        return self.plugin.name if self.plugin else CORE

    @property
    def distribution(self) -> str:
        """The distribution that brings it."""
        return self.plugin.distribution if self.plugin else CORE

    @property
    def key(self) -> tuple[str, str]:
        """The path of its table in the manifest."""
        return self.spec.kind, self.name

    def record(self) -> PartRecord | None:
        """What a run keeps of it; None for core's own."""
        if self.plugin is None:
            return None
        return PartRecord(
            kind=self.spec.kind,
            name=self.name,
            plugin=self.plugin.name,
            distribution=self.plugin.distribution,
            version=self.plugin.version,
        )

    def __str__(self) -> str:
        return f"the {self.spec.noun} '{self.name}' of {self.distribution}"


AnyPart: TypeAlias = (
    Part[OptimizerSpec]
    | Part[ScheduleSpec]
    | Part[ReaderSpec]
    | Part[MetricSpec]
    | Part[LossSpec]
    | Part[AugmentationSpec]
)


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """A plugin's part that a run was trained with."""

    kind: str
    name: str
    plugin: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"[{self.kind}.{self.name}] of {self.distribution} {self.version}"


@dataclass(frozen=True)
class PartTable(Generic[Spec]):
    """The parts of one kind that may be named, core's first, and the reason for each name that can't be used.

    A plugin can't give core's names another meaning. A name that two plugins offer means neither, until [prefer] in
    registry.toml decides.
    """

    noun: str
    parts: Mapping[str, Part[Spec]]
    absent: Mapping[str, str]

    @classmethod
    def of(cls, catalogue: Catalogue | None, kind: type[Spec], recorded: Iterable[PartRecord] = ()) -> PartTable[Spec]:
        """The parts of a kind that the plugins in use bring, and core's.

        Args:
            catalogue: the plugins and the policy; None for core's parts alone.
            kind: the class of their specifications.
            recorded: parts that a run was trained with, each of which decides who its name means.
        """
        own = core_parts(kind)
        claims: dict[str, list[Part[Spec]]] = defaultdict(list)
        for part in _offered(catalogue, kind):
            claims[part.name].append(part)
        owners = {record.name: record for record in recorded if record.kind == kind.kind}
        parts, absent = dict(own), _unusable(catalogue, kind)
        for name, rivals in claims.items():
            # An installed plugin must not change what anybody's command does.
            if name in own:
                continue
            if len(winners := _winners(rivals, catalogue, owners.get(name))) == 1:
                parts[name] = winners[0]
            else:
                absent[name] = _conflict(rivals)
        return cls(kind.noun, parts, {name: reason for name, reason in absent.items() if name not in parts})

    def named(self, name: str) -> Part[Spec]:
        """The part of this name. Raises RegistryError with the reason, or with what there is."""
        if name not in self.parts:
            raise RegistryError(f"there is no {self.noun} '{name}'; {self.why_not(name)}".rstrip("; "))
        return self.parts[name]

    def why_not(self, name: str) -> str:
        """Why a name can't be used: its plugin is off, two have it; else what was perhaps meant."""
        return self.absent.get(name) or suggestion(name, list(self.parts))

    def without(self, reasons: Mapping[str, str]) -> PartTable[Spec]:
        """The table without some parts, for these reasons."""
        parts = {name: part for name, part in self.parts.items() if name not in reasons}
        return PartTable(self.noun, parts, {**self.absent, **reasons})


def core_parts(kind: type[Spec]) -> dict[str, Part[Spec]]:
    """Core's own parts of a kind."""
    specs: Mapping[str, Spec] = getattr(_core_tables(), kind.kind)
    return {name: Part(name, spec, CORE_PARTS) for name, spec in specs.items()}


def parts_of(plugin: Plugin, kind: type[Spec]) -> list[Part[Spec]]:
    """The parts of a kind that a plugin's manifest declares."""
    if plugin.manifest is None or plugin.path is None:
        return []
    specs: Mapping[str, Spec] = getattr(plugin.manifest, kind.kind)
    return [Part(name, spec, plugin.path, plugin=plugin) for name, spec in specs.items()]


def parts_not_on_offer(catalogue: Catalogue, plugin: Plugin) -> Iterator[str]:
    """A sentence for each part of a plugin in use whose name means another one, or none."""
    if plugin.in_use:
        yield from _not_on_offer(catalogue, plugin, OptimizerSpec)
        yield from _not_on_offer(catalogue, plugin, ScheduleSpec)
        yield from _not_on_offer(catalogue, plugin, ReaderSpec)
        yield from _not_on_offer(catalogue, plugin, MetricSpec)
        yield from _not_on_offer(catalogue, plugin, LossSpec)
        yield from _not_on_offer(catalogue, plugin, AugmentationSpec)


def _not_on_offer(catalogue: Catalogue, plugin: Plugin, kind: type[Spec]) -> Iterator[str]:
    table = PartTable.of(catalogue, kind)
    for part in parts_of(plugin, kind):
        winner = table.parts.get(part.name)
        if winner is None:
            yield f"{kind.noun} '{part.name}': {table.absent[part.name]}"
        elif winner != part:
            yield f"{kind.noun} '{part.name}': the name means that of {winner.distribution}"


def check_recorded(catalogue: Catalogue, records: Iterable[PartRecord]) -> None:
    """Raise RegistryError where a plugin's part that a run was trained with isn't there any more."""
    for record in records:
        owner = next(
            (
                item
                for item in catalogue.plugins
                if (item.name, item.distribution) == (record.plugin, record.distribution)
            ),
            None,
        )
        if owner is None:
            raise RegistryError(
                f"the run was trained with {record}, which is not installed; type: pip install {record.distribution}"
            )
        if not owner.in_use:
            raise RegistryError(
                f"the run was trained with {record}, which is {owner.reason or owner.state}; {owner.remedy}"
            )
        if record.name not in getattr(owner.manifest, record.kind, {}):
            raise RegistryError(
                f"the run was trained with {record}, and {record.distribution} {owner.version} has none of that name; "
                f"type: pip install {record.distribution}=={record.version}"
            )


@cache
def _core_tables() -> PartTables:
    text, data = read_toml(CORE_PARTS)
    return validated(PartTables, CORE_PARTS, text, data=data)


def _offered(catalogue: Catalogue | None, kind: type[Spec]) -> Iterator[Part[Spec]]:
    for plugin in catalogue.plugins if catalogue else ():
        if plugin.in_use:
            yield from parts_of(plugin, kind)


def _unusable(catalogue: Catalogue | None, kind: type[Spec]) -> dict[str, str]:
    """Why each name is missing that a plugin would bring if it were in use."""
    return {
        part.name: f"it is in the plugin '{plugin.name}', which is {plugin.reason or plugin.state}; {plugin.remedy}"
        for plugin in (catalogue.plugins if catalogue else ())
        if not plugin.in_use
        for part in parts_of(plugin, kind)
    }


def _winners(rivals: list[Part[Spec]], catalogue: Catalogue | None, recorded: PartRecord | None) -> list[Part[Spec]]:
    # A run means what it meant when it began, whatever policy prefers now.
    if recorded:
        return [
            rival for rival in rivals if (rival.owner, rival.distribution) == (recorded.plugin, recorded.distribution)
        ]
    if len(rivals) == 1 or catalogue is None:
        return rivals
    preference = catalogue.policy.preferred(rivals[0].name)
    return [rival for rival in rivals if preference and preference.value in (rival.owner, rival.distribution)]


def _conflict(rivals: list[Part[Spec]]) -> str:
    owners = " and ".join(f"{rival.owner} of {rival.distribution}" for rival in rivals)
    same_owner = len({rival.owner for rival in rivals}) == 1
    winner = rivals[0].distribution if same_owner else rivals[0].owner
    return f'the plugins {owners} both offer it; choose one in {FILE_NAME}:\n[prefer]\n{rivals[0].name} = "{winner}"'
