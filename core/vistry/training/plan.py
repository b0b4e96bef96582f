"""What a training is about to do, decided and checked before any work starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vistry.data import doctor, splits
from vistry.data.doctor import Diagnosis
from vistry.data.table import Table
from vistry.errors import DataError, RegistryError, VistryError, suggestion
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.types import TrainingData
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.training.initial_weights import InitialWeights
from vistry.training.model_context import ModelContext

FEW_STEPS = 60
SMALL_BATCH = 4
VALIDATION_SIZE = 0.2


@dataclass(frozen=True)
class Request:
    """What the user asked for, as they said it."""

    data: Path
    task: str
    model: str | None = None
    validation: Path | None = None
    format: str | None = None
    validation_size: float | None = None
    primary_metric: str | None = None
    backend: str = "torch"


@dataclass(frozen=True)
class Plan:
    """A request made definite: the model, every hyperparameter, and the rows of each split."""

    request: Request
    context: ModelContext
    primary_metric: str
    initial_weights: InitialWeights
    training: Table
    validation: Table
    diagnoses: tuple[Diagnosis, ...]

    @property
    def hyperparameters(self) -> Hyperparameters:
        """Every resolved value."""
        return self.context.hyperparameters

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the model's outputs."""
        return self.training.classes

    @property
    def data_summary(self) -> TrainingData:
        """What a loss may ask of the training split."""
        return TrainingData(self.classes, tuple(map(int, self.training.class_counts())), len(self.training))

    @cached_property
    def batches_per_epoch(self) -> int:
        """Batches in an epoch."""
        dataset = self.context.input().dataset(self.training)
        return len(dataset.batches(self.hyperparameters.random_seed, 0))

    @property
    def updates(self) -> int:
        """Updates of the weights in all epochs."""
        group: int = min(self.hyperparameters.gradient_accumulation_step, self.batches_per_epoch)
        epochs: int = self.hyperparameters.number_of_epochs
        return -(-self.batches_per_epoch // group) * epochs

    def warnings(self) -> list[str]:
        """What the user should think about before starting; nothing is changed for them."""
        found = [str(problem) for problem in self.hyperparameters.warnings]
        weights = self.context.card.weights
        if self.initial_weights == InitialWeights() and weights:
            found.append(
                "training starts from random weights; with few images, pretrained ones do far better: "
                f"--weights {next(iter(weights))}, or --weights FILE"
            )
        return found + list(self._without_effect()) + list(self._too_few_updates())

    def _without_effect(self) -> Iterable[str]:
        given = self.request.validation is not None or len(self.diagnoses[0].table.rows_of("validation"))
        if self.request.validation_size is not None and given:
            yield "validation_size: has no effect, because the validation images are given; leave it out"

    def _too_few_updates(self) -> Iterable[str]:
        batch, images = self.hyperparameters.training_batch_size, len(self.training)
        smaller = max(SMALL_BATCH, min(16, images // 10))
        rate = self.hyperparameters.learning_rate * smaller / batch
        more = -(-FEW_STEPS * self.hyperparameters.number_of_epochs // self.updates)
        proposal = f"--training_batch_size {smaller} --learning_rate {rate:.2g}"
        begin = f"with {images} training images and training_batch_size = {batch}"
        if self.updates < FEW_STEPS and images <= 20 * batch:
            steps = "1 step" if self.batches_per_epoch == 1 else f"{self.batches_per_epoch} steps"
            yield (
                f"{begin} an epoch is {steps} and the whole training {self.updates}, which is too few to learn well; "
                f"try {proposal if smaller < batch else f'--number_of_epochs {more}'}"
            )
        elif smaller < batch and images < 2 * batch:
            yield f"{begin} each update sees most of the images; smaller batches learn more an epoch; try {proposal}"


def primary_metric_of(task: str, wanted: str | None) -> str:
    """The metric that decides which epoch is the best. Raises VistryError with a suggestion."""
    supported = task_named(task).primary_metrics
    if wanted is None:
        return supported[0]
    if wanted not in supported:
        raise VistryError(f"{task} has no primary metric '{wanted}'; {suggestion(wanted, supported)}")
    return wanted


def _model_of(request: Request, sources: list[Source], catalogue: Catalogue, task: str) -> ModelCard:
    """The model of the flag, else of the last source that names one, else the task's default."""
    named = [source.values["model_name"] for source in sources if "model_name" in source.values]
    name = request.model or (named[-1] if named else None)
    card = catalogue.model(str(name)) if name else catalogue.default_model(task)
    if card is None:
        names = ", ".join(card.name for card in catalogue.models(task=task)) or "none is installed"
        raise RegistryError(f"no model is named, and {task} has no default; use --model with one of: {names}")
    return card


def _without_model(sources: Iterable[Source]) -> list[Source]:
    """Return the sources without `model_name`, which names the model and isn't one of its hyperparameters."""
    return [
        Source({name: value for name, value in source.values.items() if name != "model_name"}, source.where)
        for source in sources
    ]


def _splits(request: Request, task: str, seed: int) -> tuple[Table, Table, tuple[Diagnosis, ...]]:
    size = VALIDATION_SIZE if request.validation_size is None else request.validation_size
    if not 0 < size < 1:
        raise DataError(f"validation_size = {size:g}: must be a number between 0 and 1")
    diagnosis = _usable(doctor.examine(request.data, task, request.format))
    if request.validation is None:
        table = diagnosis.table
        training, validation = splits.split(table, task, size, seed, diagnosis.groups)
        return table.take(training), table.take(validation), (diagnosis,)
    other = _usable(doctor.examine(request.validation, task, request.format), may_be=("class-single",))
    diagnosis = doctor.without_leaks(diagnosis, other)
    if not len(diagnosis.table):
        raise DataError(f"no training image is left: each one is also in the validation data {request.validation}")
    return *with_common_classes(diagnosis.table, other.table), (diagnosis, other)


def _usable(diagnosis: Diagnosis, may_be: tuple[str, ...] = ()) -> Diagnosis:
    """The diagnosis, if what is wrong costs only the images that were set aside. Raises DataError."""
    harmless = {*may_be, *(item.check for item in diagnosis.quarantined)}
    fatal = [fault for fault in diagnosis.findings if fault.severity == "error" and fault.check not in harmless]
    if fatal:
        raise DataError("\n".join(map(str, fatal)))
    return diagnosis


def with_common_classes(first: Table, second: Table) -> tuple[Table, Table]:
    """Both tables with the union of their classes, in alphabetical order."""
    classes = tuple(sorted({*first.classes, *second.classes}))
    return first.with_classes(classes), second.with_classes(classes)


def make_plan(request: Request, sources: Iterable[Source]) -> Plan:
    """Decide and check everything. Raises VistryError; nothing has been written by then."""
    catalogue, task, sources = Catalogue.read(), task_named(request.task).name, list(sources)
    card = _model_of(request, sources, catalogue, task)
    context = ModelContext.of(catalogue, card, task, request.backend).resolved(_without_model(sources))
    primary_metric = primary_metric_of(task, request.primary_metric)
    initial_weights = InitialWeights.named_in(context.hyperparameters, card)
    context = context.with_auto_resolved(initial_weights.read(card, catalogue.policy).keys())
    training, validation, diagnoses = _splits(request, task, context.hyperparameters.random_seed)
    context.task.check(training, validation, context.hyperparameters)
    return Plan(
        request=request,
        context=context,
        primary_metric=primary_metric,
        initial_weights=initial_weights,
        training=training,
        validation=validation,
        diagnoses=diagnoses,
    )


def _start(source: InitialWeights) -> str:
    return source.run.id if source.run else str(source.file or "random weights")


def describe(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON values."""
    return {
        "task": plan.context.task.name,
        "model": plan.context.card.full_name,
        "parameters_with_its_own_head": plan.context.card.parameters,
        "primary_metric": plan.primary_metric,
        "classes": dict(zip(plan.classes, plan.data_summary.class_counts, strict=True)),
        "training_images": len(plan.training),
        "validation_images": len(plan.validation),
        "steps_per_epoch": plan.batches_per_epoch,
        "updates": plan.updates,
        "start": _start(plan.initial_weights),
        "hyperparameters": plan.hyperparameters.to_dict(),
        "warnings": plan.warnings(),
        "quarantined": [
            finding.quarantine_entry() for diagnosis in plan.diagnoses for finding in diagnosis.quarantined
        ],
    }
