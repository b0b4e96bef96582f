"""What all models share: the fields of the tables, and those of the parts that may be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from vistry.hyperparameter.tables import ORDER, shared_table
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.registry.part_specs import AugmentationSpec, LossSpec, OptimizerSpec, ScheduleSpec
from vistry.registry.parts import Part, PartTable

Chosen = TypeVar("Chosen", OptimizerSpec, ScheduleSpec, LossSpec, AugmentationSpec)
ChosenPart: TypeAlias = Part[OptimizerSpec] | Part[ScheduleSpec] | Part[LossSpec] | Part[AugmentationSpec]


@dataclass(frozen=True)
class Definition:
    """A field, the file that defines it, and the path of its table there, or of the part that it follows from."""

    spec: FieldSpec
    path: Path
    key: tuple[str, ...]
    is_written: bool = True


@dataclass(frozen=True)
class Offer:
    """The parts that a hyperparameter may name, core's and those of the plugins in use."""

    optimizers: PartTable[OptimizerSpec]
    schedules: PartTable[ScheduleSpec]
    losses: PartTable[LossSpec]
    augmentations: PartTable[AugmentationSpec]

    @classmethod
    def of(cls, catalogue: Catalogue | None, own: Iterable[str] = ()) -> Offer:
        """The parts for a model with hyperparameters of its `own`; without a catalogue, core's.

        A part whose hyperparameter has a name that means something else already isn't on offer.
        """
        taken = {*(name for table in ORDER for name in shared_table(table)[1]), *own}
        return cls(
            _without_clashes(PartTable.of(catalogue, OptimizerSpec), taken),
            _without_clashes(PartTable.of(catalogue, ScheduleSpec), taken),
            losses=_without_clashes(PartTable.of(catalogue, LossSpec), taken),
            augmentations=_without_clashes(PartTable.of(catalogue, AugmentationSpec), taken),
        )

    def table(self, kind: str) -> PartTable[Any]:
        """The parts of a kind."""
        table: PartTable[Any] = getattr(self, kind)
        return table

    def fields_of(self, kind: str) -> Iterator[tuple[str, Definition]]:
        """The fields that the parts of a kind add, by name."""
        for part in self.table(kind).parts.values():
            yield from fields_of(part).items()

    def with_choices(self, spec: FieldSpec) -> FieldSpec:
        """The field with the names that it may have now."""
        return replace(spec, choices=tuple(self.table(spec.choices_from).parts)) if spec.choices_from else spec

    def readers_of(self, kind: str) -> dict[str, list[str]]:
        """For each hyperparameter of parts, the names of those that read it."""
        readers: dict[str, list[str]] = {name: [] for name, _ in self.fields_of(kind)}
        for part in self.table(kind).parts.values():
            for name in (*part.spec.hyperparameters, *part.spec.uses):
                if name in readers:
                    readers[name].append(part.name)
        return readers


def fields_of(part: ChosenPart) -> dict[str, Definition]:
    """The fields that a part adds: the one that switches it on, where there is one, and its own."""
    own = {
        name: Definition(spec, part.path, (*part.key, "hyperparameters", name))
        for name, spec in part.spec.hyperparameters.items()
    }
    if not isinstance(part.spec, LossSpec | AugmentationSpec):
        return own
    name, switch = part.spec.switch(part.name)
    of_tasks = {key: replace(field, spec=replace(field.spec, tasks=part.spec.tasks)) for key, field in own.items()}
    return {name: Definition(switch, part.path, part.key, is_written=False), **of_tasks}


def _without_clashes(table: PartTable[Chosen], taken: set[str]) -> PartTable[Chosen]:
    """The table without plugins' parts of which a hyperparameter has a name that is taken; each takes its own."""
    reasons = {}
    # Core's come first, so that a plugin's hyperparameter never takes the place of one of theirs.
    for name, part in table.parts.items():
        own = set(fields_of(part))
        if part.plugin and taken & own:
            strange = min(taken & own)
            reasons[name] = f"its hyperparameter '{strange}' of {part.distribution} has a name that is taken"
        taken |= own
    return table.without(reasons)


def table_fields(table: str, offer: Offer) -> Iterator[tuple[str, Definition]]:
    """The fields of one shared table (`ORDER`), each choice of a part followed by what the parts add."""
    path, fields = shared_table(table)
    for name, spec in fields.items():
        yield name, Definition(offer.with_choices(spec), path, (name,))
        if spec.choices_from:
            yield from offer.fields_of(spec.choices_from)


def fields_on_offer(offer: Offer) -> dict[str, Definition]:
    """Every field that all models share, in the order of the tables."""
    of_tables = {name: definition for table in ORDER for name, definition in table_fields(table, offer)}
    return {**of_tables, **dict(offer.fields_of("losses")), **dict(offer.fields_of("augmentations"))}


@cache
def shared_fields() -> dict[str, Definition]:
    """Every field of Vistry itself, whatever is installed."""
    return fields_on_offer(Offer.of(None))


def choosing_fields() -> dict[str, str]:
    """The hyperparameter that names a part, by the part's kind."""
    return {spec.choices_from: name for name, spec in shared_table("model_agnostic")[1].items() if spec.choices_from}
