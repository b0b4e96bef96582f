"""A training planned: the model, the hyperparameters and the splits, checked before any work starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from vistry.data import doctor, splits
from vistry.data.checks.classes import class_gaps
from vistry.data.digest import finding_lines
from vistry.data.doctor import Diagnosis
from vistry.data.findings import Finding
from vistry.data.grouping import joined
from vistry.data.source import AS_RECOGNISED, ReadingOptions
from vistry.data.split_origins import FRACTION, Division
from vistry.data.table import Table
from vistry.data.task_choice import task_of
from vistry.errors import DataError, RegistryError, VistryError, suggestion
from vistry.evaluation.metric_table import metric_parts, primary_metrics
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.types import TrainingData
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.runs.records import SplitRecord
from vistry.training.auto_values import with_auto_resolved, with_weights_named
from vistry.training.groups import grouped, grouped_apart, split_record
from vistry.training.initial_weights import InitialWeights
from vistry.training.model_context import ModelContext
from vistry.training.schedules import number_of_updates
from vistry.training.small_objects import small_object_advice

# A rule of thumb: a training of fewer updates in all gets a warning.
FEW_UPDATES = 60
SMALLEST_PROPOSED_BATCH = 4  # batch norm needs some images a batch
# What fits into most machines' memory with most models.
LARGEST_PROPOSED_BATCH = 16
VALIDATION_SIZE = FRACTION  # the share of the data that is held out by default
# Errors of the doctor that the plan itself raises where they hold for what was asked for.
LATER = ("split-impossible", "objects-crowd", "validation-unlabelled")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A training as the user asks for it; None stands for a default.

    `task` is by default the one that the labels suggest. `data` and `validation` are folders or files of labelled
    images; without `validation` a share of `validation_size` of `data` is held out. `reading` says how both are read,
    where the files don't tell. `group_by` is a column or a pattern on paths: images that it gives one value stay on one
    side of the split.
    """

    data: Path
    task: str | None = None
    model: str | None = None
    validation: Path | None = None
    reading: ReadingOptions = AS_RECOGNISED
    validation_size: float | None = None
    primary_metric: str | None = None
    backend: str = "torch"
    group_by: str | None = None


@dataclass(frozen=True)
class Plan:
    """A request with everything decided: the model, every hyperparameter, and the rows of each split.

    `diagnoses` are those of the data and, where they are apart, of the validation data. `split` records how the images
    were divided, `division` says what assigns them. `task_reason` is why the task was taken, "" where the user named
    it.
    """

    request: Request
    context: ModelContext
    primary_metric: str
    initial_weights: InitialWeights
    training: Table
    validation: Table
    diagnoses: tuple[Diagnosis, ...]
    split: SplitRecord
    division: Division
    task_reason: str = ""

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
        """The facts of the training split that a loss may use."""
        return TrainingData(self.classes, tuple(map(int, self.training.class_counts())), len(self.training))

    @cached_property
    def batches_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        dataset = self.context.training_dataset(self.training)
        return len(dataset.batches(self.hyperparameters.random_seed, 0))

    @property
    def updates(self) -> int:
        """The number of updates of the weights in all epochs."""
        return number_of_updates(self.hyperparameters, self.batches_per_epoch)

    @property
    def findings(self) -> list[Finding]:
        """What the doctor found in the data and in the validation data, and what only the splits show."""
        return [finding for diagnosis in self.diagnoses for finding in diagnosis.findings]

    def warnings(self) -> list[str]:
        """Return what the doctor warns of, and advice for the user, who decides: no value is changed."""
        harmless = [finding for finding in self.findings if finding.quarantines is None]
        warnings = finding_lines(harmless, self.request.data)
        warnings += [str(problem) for problem in self.hyperparameters.warnings]
        warnings += self._random_start()
        warnings += small_object_advice(self.context, self.training)
        return warnings + list(self._without_effect()) + list(self._too_few_updates())

    def _random_start(self) -> Iterable[str]:
        card, values = self.context.card, self.context.hyperparameters
        if card.weights or values.given("weights") or self.initial_weights != InitialWeights():
            return
        yield (
            f"{card.family} publishes no weights for {card.name}, so training starts from random ones; pretrained "
            "weights do far better with few images: use --weights FILE, or a model of vistry models --weights"
        )
        if values.layers_to_freeze:
            yield f"layers_to_freeze = {values.layers_to_freeze} freezes layers that have random weights; leave it out"

    def _without_effect(self) -> Iterable[str]:
        given = self.request.validation is not None or len(self.diagnoses[0].table.rows_of("validation"))
        if self.request.validation_size is not None and given:
            yield "validation_size has no effect, because the validation images are given; leave it out"

    def _too_few_updates(self) -> Iterable[str]:
        batch, images = self.hyperparameters.training_batch_size, len(self.training)
        smaller = max(SMALLEST_PROPOSED_BATCH, min(LARGEST_PROPOSED_BATCH, images // 10))
        # The linear scaling rule (Goyal et al. 2017, arXiv:1706.02677): the rate goes with the batch.
        learning_rate = self.hyperparameters.learning_rate * smaller / batch
        epochs = -(-FEW_UPDATES * self.hyperparameters.number_of_epochs // self.updates)
        proposal = f"--training_batch_size {smaller} --learning_rate {learning_rate:.2g}"
        setting = f"with {images} training images and training_batch_size = {batch}"
        if self.updates < FEW_UPDATES and images <= 20 * batch:
            steps = "1 step" if self.batches_per_epoch == 1 else f"{self.batches_per_epoch} steps"
            yield (
                f"{setting} an epoch has {steps} and the whole training {self.updates}, too few to learn well; "
                f"try {proposal if smaller < batch else f'--number_of_epochs {epochs}'}"
            )
        elif smaller < batch and images < 2 * batch:
            yield f"{setting} each update uses most of the images; smaller batches learn more per epoch; try {proposal}"


def primary_metric_of(task: str, name: str | None, catalogue: Catalogue | None = None) -> str:
    """Return the metric that decides which epoch is the best: the named one, or the task's default.

    Raises VistryError for a metric that the task can't be trained for.
    """
    metrics = primary_metrics(catalogue, task_named(task))
    if name is None:
        return metrics[0]
    if name not in metrics:
        why = metric_parts(catalogue, task).absent.get(name) or suggestion(name, metrics)
        raise VistryError(f"{task} has no primary metric '{name}'; {why}")
    return name


def _task_of(request: Request, sources: list[Source], *, catalogue: Catalogue) -> tuple[str, str]:
    """Return the task, and the reason if it isn't named: what the labels suggest, else the only one of the model."""
    task, reason = task_of(request.data, request.task, request.reading)
    name = _model_name(request, sources)
    if reason and name:
        card = catalogue.model(name)
        if task not in card.tasks and len(card.tasks) == 1:
            return card.tasks[0], f"the only task of {card.name}"
    return task, reason or ""


def _model_name(request: Request, sources: list[Source]) -> str | None:
    names = [str(source.values["model_name"]) for source in sources if "model_name" in source.values]
    return request.model or (names[-1] if names else None)


def _model_of(request: Request, sources: list[Source], *, catalogue: Catalogue, task: str) -> ModelCard:
    """Return the model of the request, else of the last source that names one, else the task's default."""
    name = _model_name(request, sources)
    card = catalogue.model(name) if name else catalogue.default_model(task)
    if card is None:
        models = ", ".join(card.name for card in catalogue.models(task=task)) or "none is installed"
        raise RegistryError(f"{task} has no default model; choose one with --model: {models}")
    return card


def _without_model(sources: Iterable[Source]) -> list[Source]:
    """Return the sources without `model_name`, which names the model and isn't one of its hyperparameters."""
    return [
        Source({name: value for name, value in source.values.items() if name != "model_name"}, source.where)
        for source in sources
    ]


@dataclass(frozen=True)
class Splits:
    """The training and the validation table, the diagnoses of their data, and how they came apart: see `Plan`."""

    training: Table
    validation: Table
    diagnoses: tuple[Diagnosis, ...]
    split: SplitRecord
    division: Division


def examine(request: Request, task: str, seed: int) -> Splits:
    """Return the training and the validation table, how they came apart, and the diagnoses of their data.

    Raises DataError where the data can't be used for the task.
    """
    size = VALIDATION_SIZE if request.validation_size is None else request.validation_size
    if not 0 < size < 1:
        raise DataError(f"validation_size must be between 0 and 1, got {size:g}")
    diagnosis = _usable(doctor.examine(request.data, task, request.reading))
    if request.validation is None:
        return _divided(request, diagnosis, size, task=task, seed=seed)
    # Validation images of one class alone are unusual and still measure something; training ones teach nothing.
    other = _usable(doctor.examine(request.validation, task, request.reading), harmless=("class-single",))
    diagnosis = doctor.without_leaks(diagnosis, other)
    if not len(diagnosis.table):
        raise DataError(f"no training image is left: each one is also in the validation data {request.validation}")
    diagnosis, split = grouped_apart(diagnosis, other, request.group_by)
    training, validation = with_common_classes(diagnosis.table, other.table)
    division = Division(len(training), len(validation), apart=f"given by --validation {request.validation}")
    diagnoses = (_with_class_gaps(diagnosis, training, validation), other)
    return Splits(training, validation, diagnoses, split=split, division=division)


def _divided(request: Request, diagnosis: Diagnosis, size: float, *, task: str, seed: int) -> Splits:
    """Divide a table by its own splits, or draw validation rows."""
    table = diagnosis.table
    if request.group_by is None:
        rows = splits.split(table, task, fraction=size, seed=seed, groups=diagnosis.groups)
        split = SplitRecord(way="given" if len(table.rows_of("validation")) else "drawn")
    else:
        diagnosis, grouping = grouped(diagnosis, request.group_by)
        groups = joined(grouping.indices(), diagnosis.groups)
        rows = splits.split_by_groups(table, groups, fraction=size, seed=seed)
        split = split_record(table, grouping, rows[1])
    training, validation = map(table.take, rows)
    division = Division(len(training), len(validation), size, seed=seed)
    diagnoses = (_with_class_gaps(diagnosis, training, validation),)
    return Splits(training, validation, diagnoses, split=split, division=division)


def _with_class_gaps(diagnosis: Diagnosis, training: Table, validation: Table) -> Diagnosis:
    """The diagnosis with the classes that the splits lack, where the data's own splits haven't shown it already."""
    known = {finding.check for finding in diagnosis.findings}
    missing = [finding for finding in class_gaps(training, validation) if finding.check not in known]
    return replace(diagnosis, findings=(*diagnosis.findings, *missing))


def _usable(diagnosis: Diagnosis, harmless: Collection[str] = ()) -> Diagnosis:
    """Return the diagnosis, if every error is harmless or cost only the images left out. Raises DataError."""
    passing = {*LATER, *harmless, *(finding.check for finding in diagnosis.quarantined)}
    fatal = [finding for finding in diagnosis.findings if finding.severity == "error" and finding.check not in passing]
    if fatal:
        raise DataError("\n".join(map(str, fatal)))
    return diagnosis


def with_common_classes(first: Table, second: Table) -> tuple[Table, Table]:
    """Return both tables with the union of their classes, in alphabetical order."""
    classes = tuple(sorted({*first.classes, *second.classes}))
    return first.with_classes(classes), second.with_classes(classes)


def make_plan(request: Request, sources: Iterable[Source], splits: Splits | None = None) -> Plan:
    """Decide and check everything; nothing is written. Raises VistryError.

    `splits` are those of the request's data where they are known already; then the data isn't examined.
    """
    catalogue, sources = Catalogue.read(), list(sources)
    task, task_reason = _task_of(request, sources, catalogue=catalogue)
    card = _model_of(request, sources, catalogue=catalogue, task=task)
    context = ModelContext.of(catalogue, card, task=task, backend=request.backend)
    context = context.resolved(_without_model(sources))
    context.parts.check()
    primary_metric = primary_metric_of(task, request.primary_metric, catalogue)
    context = with_weights_named(context)
    initial_weights = InitialWeights.named_in(context.hyperparameters, card)
    context = replace(context, normalisation=initial_weights.preprocessing)
    # Weights come before the data: a wrong name is told at once, reading a large dataset takes minutes.
    context = with_auto_resolved(context, initial_weights.read(card, catalogue.policy).keys())
    divided = splits or examine(request, task, context.hyperparameters.random_seed)
    training, validation = divided.training, divided.validation
    context.task.check(training, validation, context.hyperparameters)
    return Plan(
        request=request,
        context=context,
        primary_metric=primary_metric,
        initial_weights=initial_weights,
        training=training,
        validation=validation,
        diagnoses=divided.diagnoses,
        split=divided.split,
        division=divided.division,
        task_reason=task_reason,
    )
