"""The parts of a training that hyperparameters name: optimiser, schedule, metrics, loss terms and augmentations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from vistry.errors import HyperparameterError, Problem
from vistry.evaluation.metric_table import metric_parts
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmented import Augmentation
from vistry.registry.catalogue import Catalogue
from vistry.registry.part_code import load_code
from vistry.registry.part_specs import AugmentationSpec, LossSpec, MetricSpec, OptimizerSpec, ScheduleSpec
from vistry.registry.parts import AnyPart, Part, PartRecord, PartTable
from vistry.task.loss_terms import LossTerm

Switched = TypeVar("Switched", LossSpec, AugmentationSpec)


@dataclass(frozen=True)
class ModelParts:
    """The parts that values name for a task and a backend, found among core's and those of the plugins in use.

    `recorded` are those of plugins that a run was trained with: of parts by one name they are meant.
    """

    catalogue: Catalogue
    task: str
    backend: str
    values: Hyperparameters
    recorded: tuple[PartRecord, ...] = ()

    def check(self) -> None:
        """Raise HyperparameterError where a part has no code for the backend."""
        for term, _ in self._switched_on(LossSpec):
            if self.backend not in term.spec.code:
                switch, _ = term.spec.switch(term.name)
                only = " and ".join(term.spec.code)
                message = f"{term} is for {only}, and the backend is {self.backend}"
                raise HyperparameterError([Problem(switch, message, f"leave it out, or use --backend {only}")])
        part = self.optimizer()
        if self.backend in part.spec.backends:
            return
        table = PartTable.of(self.catalogue, OptimizerSpec, self.recorded).parts
        others = [name for name, other in table.items() if self.backend in other.spec.backends]
        only = " and ".join(part.spec.backends)
        remedy = f"use {', '.join(others)}, or --backend {part.spec.backends[0]}"
        raise HyperparameterError(
            [Problem("optimizer", f"{part} is for {only}, and the backend is {self.backend}", remedy)]
        )

    def records(self, primary_metric: str) -> tuple[PartRecord, ...]:
        """Return the parts of plugins that a training with these values uses."""
        metric = self.metrics().parts.get(primary_metric)
        parts: list[AnyPart] = [self.optimizer(), self.schedule(), *([metric] if metric else [])]
        parts += [part for part, _ in self._switched_on(LossSpec)]
        parts += [part for part, _ in self._switched_on(AugmentationSpec)]
        return tuple(record for part in parts if (record := part.record()))

    def metrics(self) -> PartTable[MetricSpec]:
        """Return the task's metrics that have a function of their own."""
        return metric_parts(self.catalogue, self.task, self.recorded)

    def optimizer(self) -> Part[OptimizerSpec]:
        """Return the optimiser. Raises RegistryError."""
        table = PartTable.of(self.catalogue, OptimizerSpec, self.recorded)
        return table.named(self.values.optimizer)

    def schedule(self) -> Part[ScheduleSpec]:
        """Return the schedule of the learning rate. Raises RegistryError."""
        table = PartTable.of(self.catalogue, ScheduleSpec, self.recorded)
        return table.named(self.values.learning_rate_scheduler)

    def augmentations(self) -> list[Augmentation]:
        """Return the augmentations whose probability is above 0, with their code."""
        return [
            Augmentation(part, load_code(part, part.spec.function), share, hyperparameters=self.values)
            for part, share in self._switched_on(AugmentationSpec)
        ]

    def loss_terms(self) -> list[LossTerm]:
        """Return the loss terms whose weight is above 0, with their code."""
        return [
            LossTerm(part, load_code(part, part.spec.code[self.backend]), weight, hyperparameters=self.values)
            for part, weight in self._switched_on(LossSpec)
        ]

    def _switched_on(self, kind: type[Switched]) -> list[tuple[Part[Switched], float]]:
        """Return the parts of a kind whose weight or probability is above 0, with that."""
        table = PartTable.of(self.catalogue, kind, self.recorded)
        values = {name: self.values.get(part.spec.switch(name)[0], 0) for name, part in table.parts.items()}
        return [(part, values[name]) for name, part in table.parts.items() if values[name]]
