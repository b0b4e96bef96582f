"""The parts of a training that a manifest may bring beside models: what each kind declares, without its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

from vistry.registry.field_spec import FieldSpec, TaskKey
from vistry.registry.names import Attribute, Name, Reference
from vistry.registry.tasks import TASKS
from vistry.registry.typed_toml import InvalidKeyError, positive

ReaderOption = Literal["images", "columns", "classes_at"]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimiser, by a function for each backend that has it; `uses` names hyperparameters that others define.

    `torch(groups, hyperparameters)` returns a torch.optim.Optimizer, `jax(decay, hyperparameters)` an
    optax.GradientTransformation. Where sgd does well with a learning rate, it does with `relative_rate` times as much.
    """

    kind: ClassVar = "optimizers"
    noun: ClassVar = "optimizer"

    summary: str
    torch: Attribute = ""
    jax: Attribute = ""
    uses: tuple[Name, ...] = ()
    relative_rate: Annotated[float, positive] = 1.0
    hyperparameters: dict[Name, FieldSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.backends:
            raise ValueError("has code for no backend; set 'torch', 'jax' or both")

    @property
    def code(self) -> dict[str, str]:
        """The reference to its function, by backend."""
        return {name: place for name, place in (("torch", self.torch), ("jax", self.jax)) if place}

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends that it has a function for."""
        return tuple(self.code)


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """A learning-rate schedule; `uses` names hyperparameters that others define.

    `function(hyperparameters, steps_per_epoch)` returns the factor on the learning rate as a function of the number of
    the batch in the whole training, from 0.
    """

    kind: ClassVar = "schedules"
    noun: ClassVar = "schedule"

    summary: str
    function: Attribute
    uses: tuple[Name, ...] = ()
    hyperparameters: dict[Name, FieldSpec] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReaderSpec:
    """A format of data. `summary` completes "this is not ...", `tasks` are those that it has labels for.

    `reader` and `writer` are modules or objects that have the functions of `vistry.plugin.data.Reader` and `Writer`. A
    format with `fallback` is only recognised where no other fits. `options`: what its reader lets the user say, of
    "images", "columns" and "classes_at", see `vistry.data.source.ReadingOptions`.
    """

    kind: ClassVar = "readers"
    noun: ClassVar = "data format"

    summary: str
    tasks: tuple[TaskKey, ...]
    reader: Reference
    writer: Reference = ""
    fallback: bool = False
    options: tuple[ReaderOption, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric: its range, which end is good, and `formula` in Markdown.

    `function(predictions, targets, classes)` returns its value over N images, None where it is undefined.
    """

    kind: ClassVar = "metrics"
    noun: ClassVar = "metric"

    summary: str
    formula: str
    tasks: tuple[TaskKey, ...]
    function: Attribute
    lower: float = 0.0
    upper: float = 1.0
    larger_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class LossSpec:
    """A term of the loss of a task with labels for whole images, which its hyperparameter NAME_weight switches on.

    Of each backend a function `term(logits, targets, hyperparameters)` that returns a number for each of N images.
    """

    kind: ClassVar = "losses"
    noun: ClassVar = "loss term"

    summary: str
    tasks: tuple[TaskKey, ...]
    torch: Attribute = ""
    jax: Attribute = ""
    hyperparameters: dict[Name, FieldSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.code:
            raise ValueError("has code for no backend; set 'torch', 'jax' or both")
        if of_objects := [task.name for task in TASKS if task.has_boxes and task.name in self.tasks]:
            raise ValueError(f"can't be for {of_objects[0]}: a detector computes its own loss")

    @property
    def code(self) -> dict[str, str]:
        """The reference to its function, by backend."""
        return {name: place for name, place in (("torch", self.torch), ("jax", self.jax)) if place}

    def switch(self, name: str) -> tuple[str, FieldSpec]:
        """The hyperparameter that switches it on: its weight in the sum."""
        description = f"Weight of the loss term {name}; 0 leaves it out."
        spec = FieldSpec(type="number", description=description, default=0, minimum=0, tasks=self.tasks)
        return f"{name}_weight", spec


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec:
    """A random change of training images, which its hyperparameter NAME_probability switches on.

    `function(sample, random, hyperparameters)` returns the changed sample, of the same size.
    """

    kind: ClassVar = "augmentations"
    noun: ClassVar = "augmentation"

    summary: str
    tasks: tuple[TaskKey, ...]
    function: Attribute
    hyperparameters: dict[Name, FieldSpec] = field(default_factory=dict)

    def switch(self, name: str) -> tuple[str, FieldSpec]:
        """The hyperparameter that switches it on: how many of the images it changes."""
        description = f"Share of the training images that the augmentation {name} changes."
        spec = FieldSpec(type="number", description=description, default=0, minimum=0, maximum=1, tasks=self.tasks)
        return f"{name}_probability", spec


@dataclass(frozen=True, kw_only=True)
class PartTables:
    """Every kind of part by name: those of core are written in this form, a manifest has the same tables."""

    optimizers: dict[Name, OptimizerSpec] = field(default_factory=dict)
    schedules: dict[Name, ScheduleSpec] = field(default_factory=dict)
    readers: dict[Name, ReaderSpec] = field(default_factory=dict)
    metrics: dict[Name, MetricSpec] = field(default_factory=dict)
    losses: dict[Name, LossSpec] = field(default_factory=dict)
    augmentations: dict[Name, AugmentationSpec] = field(default_factory=dict)


KINDS = tuple(table.name for table in fields(PartTables))


def check_names(tables: Any) -> None:
    """Raise InvalidKeyError where a hyperparameter of a manifest's part isn't named after it.

    So no two parts can want the same name for two things.
    """
    for kind in KINDS:
        parts: Mapping[str, OptimizerSpec | ScheduleSpec] = getattr(tables, kind)
        for name, spec in parts.items():
            for own in getattr(spec, "hyperparameters", ()):
                if not own.startswith(f"{name}_"):
                    raise InvalidKeyError(
                        f"must begin with '{name}_', as every hyperparameter of [{kind}.{name}]",
                        (kind, name, "hyperparameters", own),
                    )
