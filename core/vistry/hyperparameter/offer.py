"""What all models share: the fields of the tables, and those of the parts that may be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from vistry.hyperparameter.tables import ORDER, shared_table
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.registry.part_specs import OptimizerSpec, ScheduleSpec
from vistry.registry.parts import Part, PartTable


@dataclass(frozen=True)
class Definition:
    """A field, the file that defines it, and the path of its table there."""

    spec: FieldSpec
    path: Path
    key: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """The parts that a hyperparameter may name, core's and those of the plugins in use."""

    optimizers: PartTable[OptimizerSpec]
    schedules: PartTable[ScheduleSpec]

    @classmethod
    def of(cls, catalogue: Catalogue | None, own: Iterable[str] = ()) -> Offer:
        """The parts for a model with hyperparameters of its `own`; without a catalogue, core's.

        A part whose hyperparameter has a name that means something else already isn't on offer.
        """
        taken = {*(name for table in ORDER for name in shared_table(table)[1]), *own}
        optimizers = PartTable.of(catalogue, OptimizerSpec)
        schedules = PartTable.of(catalogue, ScheduleSpec)
        return cls(
            optimizers.without(_clashes(optimizers.parts, taken)), schedules.without(_clashes(schedules.parts, taken))
        )

    def table(self, kind: str) -> PartTable[Any]:
        """The parts of a kind."""
        table: PartTable[Any] = getattr(self, kind)
        return table

    def fields_of(self, kind: str) -> Iterator[tuple[str, Definition]]:
        """The fields that the parts of a kind add, by name."""
        for part in self.table(kind).parts.values():
            for name, spec in part.spec.hyperparameters.items():
                yield name, Definition(spec, part.path, (*part.key, "hyperparameters", name))

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


def _clashes(parts: Mapping[str, Part[Any]], taken: set[str]) -> dict[str, str]:
    """The plugins' parts whose hyperparameters have a name that is taken, with the reason; each takes its own."""
    reasons = {}
    for name, part in parts.items():
        strange = taken & set(part.spec.hyperparameters)
        if strange and part.plugin:
            reasons[name] = f"its hyperparameter '{min(strange)}' of {part.distribution} has a name that is taken"
        taken |= set(part.spec.hyperparameters)
    return reasons


def table_fields(table: str, offer: Offer) -> Iterator[tuple[str, Definition]]:
    """The fields of one shared table (`ORDER`), each choice of a part followed by what the parts add."""
    path, fields = shared_table(table)
    for name, spec in fields.items():
        yield name, Definition(offer.with_choices(spec), path, (name,))
        if spec.choices_from:
            yield from offer.fields_of(spec.choices_from)


def fields_on_offer(offer: Offer) -> dict[str, Definition]:
    """Every field that all models share, in the order of the tables."""
    return {name: definition for table in ORDER for name, definition in table_fields(table, offer)}


@cache
def shared_fields() -> dict[str, Definition]:
    """Every field of Vistry itself, whatever is installed."""
    return fields_on_offer(Offer.of(None))


def choosing_fields() -> dict[str, str]:
    """The hyperparameter that names a part, by the part's kind."""
    return {spec.choices_from: name for name, spec in shared_table("model_agnostic")[1].items() if spec.choices_from}
