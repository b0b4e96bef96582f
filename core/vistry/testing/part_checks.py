"""The check of the parts that a plugin brings beside models: optimisers, schedules and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import HyperparameterError, RegistryError, VistryError
from vistry.hyperparameter.offer import choosing_fields, shared_fields
from vistry.hyperparameter.schema import Source, schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmented import Augmentation
from vistry.loading.batches import Batch
from vistry.loading.detection.sample import DetectionSample
from vistry.plugin.types import Module, Tensor
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import PreprocessingSpec
from vistry.registry.part_code import load_code
from vistry.registry.part_specs import AugmentationSpec, LossSpec, MetricSpec, OptimizerSpec, ReaderSpec, ScheduleSpec
from vistry.registry.parts import Part, PartTable, parts_not_on_offer, parts_of
from vistry.registry.policy import Policy
from vistry.registry.tasks import task_named
from vistry.task.loss_terms import LossTerm, with_terms
from vistry.task.metric_parts import measure
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.format_checks import check_format
from vistry.testing.hyperparameter_checks import RecordingHyperparameters
from vistry.testing.model_subject import PluginSubject
from vistry.testing.samples import CLASSES, eight_predictions, eight_samples, training_data
from vistry.training.engines import Engine, EngineSettings, engine_module, is_installed
from vistry.training.engines.state import Arrays
from vistry.training.schedules import schedule_of

SIDE = 4
LARGE_SIDE = 32  # augmentations need some pixels
UPDATES = 3
STEPS_PER_EPOCH = 7
TASK = "image_classification"


def absent_parts(subject: PluginSubject) -> str:
    """Return why no part is checked, "" if some are."""
    return "" if subject.plugin.parts else "the plugin brings no optimiser, schedule or other part"


def parts_work(subject: PluginSubject) -> None:
    """Each part it brings has a name of its own and code that can be used, and reads its hyperparameters."""
    require(
        not (missing := list(parts_not_on_offer(subject.catalogue, subject.plugin))),
        f"{listed(missing)}; give it a name of its own in plugin.toml",
    )
    try:
        for part in parts_of(subject.plugin, OptimizerSpec):
            for backend in filter(is_installed, part.spec.backends):
                _check_reads(part, _check_optimizer(subject, part, backend))
        for schedule in parts_of(subject.plugin, ScheduleSpec):
            _check_reads(schedule, _check_schedule(subject, schedule))
        for reader in parts_of(subject.plugin, ReaderSpec):
            check_format(reader)
        for metric in parts_of(subject.plugin, MetricSpec):
            _check_metric(metric)
        for augmentation in parts_of(subject.plugin, AugmentationSpec):
            _check_augmentation(augmentation)
        for term in parts_of(subject.plugin, LossSpec):
            for backend in filter(is_installed, term.spec.code):
                _check_term(term, backend)
    except HyperparameterError as error:
        raise CheckFailed(f"its defaults are refused: {error}") from error
    except (RegistryError, VistryError) as error:
        raise CheckFailed(str(error)) from error


def _check_reads(part: Part[OptimizerSpec] | Part[ScheduleSpec], names: set[str]) -> None:
    """Raise CheckFailed for a hyperparameter that is declared and not read, or that nobody defines."""
    kind = f"[{part.spec.kind}.{part.name}]"
    if unknown := set(part.spec.uses) - set(shared_fields()):
        raise CheckFailed(f"{kind} uses '{min(unknown)}', and Vistry has no such hyperparameter; correct 'uses'")
    unread = {*part.spec.hyperparameters, *part.spec.uses} - names
    require(not unread, f"{kind} declares {listed(sorted(unread))}, but its function doesn't read it")


def _values(subject: PluginSubject, part: Part[OptimizerSpec] | Part[ScheduleSpec]) -> RecordingHyperparameters:
    """Return the defaults with which this part is chosen; they record what is read."""
    chosen = {choosing_fields()[part.spec.kind]: part.name, "precision": "fp32", "number_of_epochs": UPDATES}
    schema = schema_of(subject.catalogue, None, TASK)
    return RecordingHyperparameters(schema.resolve([Source.of(chosen, "the check")]))


def _check_schedule(subject: PluginSubject, part: Part[ScheduleSpec]) -> set[str]:
    """Ask a schedule for the factor of every batch; return the hyperparameters that were read."""
    values = _values(subject, part)
    factor = schedule_of(values, STEPS_PER_EPOCH, part)
    factors = [factor(step) for step in range(UPDATES * STEPS_PER_EPOCH)]
    require(max(factors) > 0, f"[schedules.{part.name}]: the factor of every batch is 0, so nothing is learned")
    return values.names


def _check_optimizer(subject: PluginSubject, part: Part[OptimizerSpec], backend: str) -> set[str]:
    """Train a layer for a few updates, whole and resumed from its saved state; return the hyperparameters read."""
    values, name = _values(subject, part), f"[optimizers.{part.name}] in {backend}"
    whole = _engine(part, backend, values)
    start = _copied(whole.weights())
    _train(whole, 0)
    saved = _copied(whole.state())
    _train(whole, UPDATES)
    ends = whole.weights()
    require(all(map(_is_finite, ends.values())), f"{name}: after {2 * UPDATES} updates a weight is not a number")
    require(any(not np.array_equal(ends[key], start[key]) for key in ends), f"{name}: an update changes no weight")
    resumed = _engine(part, backend, values)
    resumed.load_state(saved)
    _train(resumed, UPDATES)
    require(
        all(np.array_equal(resumed.weights()[key], end) for key, end in ends.items()),
        f"{name}: resumed from its saved state it goes on differently; keep all state as tensors or numbers of each "
        "parameter (in torch, in state[parameter])",
    )
    return values.names


def _check_metric(part: Part[MetricSpec]) -> None:
    """Raise CheckFailed for a metric that fails, or that prefers wrong predictions to right ones."""
    table = PartTable(part.spec.noun, {part.name: part}, {})
    for task in part.spec.tasks:
        values = []
        for right in (True, False):
            predictions, targets = eight_predictions(task, right=right)
            measured = measure(table, predictions, targets, classes=CLASSES)
            for failure in measured.failures.values():
                raise failure
            values.append(measured.values.get(part.name))
        good, bad = values
        name = f"[metrics.{part.name}] for {task}"
        require(good is not None, f"{name}: it is undefined for eight images of four classes, all predicted right")
        is_worse = bad is None or good is None or bad == good or (bad > good) != part.spec.larger_is_better
        require(is_worse, f"{name}: wrong predictions have {bad}, right ones {good}; correct larger_is_better")


def _check_augmentation(part: Part[AugmentationSpec]) -> None:
    """Raise CheckFailed for an augmentation that fails, changes its input, or draws from a generator of its own."""
    values = RecordingHyperparameters(_own_values(part))
    function = load_code(part, part.spec.function)
    augment = Augmentation(part, function, 1.0, hyperparameters=values)
    name = f"[augmentations.{part.name}]"
    for task in part.spec.tasks:
        first, second = (_augmented(augment, task) for _ in range(2))
        require(np.array_equal(first, second), f"{name}: it must draw all random numbers from `random`; it doesn't")
    _check_own(part, values.names)


def _augmented(augment: Augmentation, task: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a changed sample. Raises CheckFailed if the sample itself was changed."""
    pixels = eight_samples(task, LARGE_SIDE).images[0]
    objects = eight_samples(task, LARGE_SIDE).targets[0] if task_named(task).has_boxes else None
    before = pixels.copy()
    sample: Any = pixels
    if objects is not None:
        crowd = np.zeros(len(objects["boxes"]), bool)
        masks = objects["masks"].astype(bool) if "masks" in objects else None
        sample = DetectionSample(pixels, objects["boxes"], objects["labels"], crowd=crowd, masks=masks)
    changed = augment(sample, np.random.default_rng(0))
    require(
        np.array_equal(pixels, before),
        f"[augmentations.{augment.part.name}]: it changes the sample that it is given; let it copy the pixels",
    )
    result: npt.NDArray[np.uint8] = changed.pixels if objects is not None else changed
    return result


def _check_term(part: Part[LossSpec], backend: str) -> None:
    """Raise CheckFailed for a loss term that fails, or that no gradient comes from."""
    values = RecordingHyperparameters(_own_values(part))
    for task in part.spec.tasks:
        term = LossTerm(part, load_code(part, part.spec.code[backend]), 1.0, hyperparameters=values)
        batch = eight_samples(task, SIDE)
        engine = _engine_of(task, backend, terms=[term])
        value = engine.accumulate(batch, 1.0, 0)[part.name]
        require(np.isfinite(value), f"[losses.{part.name}] in {backend} for {task}: its value is {value}")
    _check_own(part, values.names)


def _own_values(part: Part[LossSpec] | Part[AugmentationSpec]) -> Hyperparameters:
    """Return the defaults of a part's own hyperparameters."""
    specs = part.spec.hyperparameters.items()
    return Hyperparameters.of({name: spec.parse(spec.default) for name, spec in specs if spec.default is not None})


def _check_own(part: Part[LossSpec] | Part[AugmentationSpec], names: set[str]) -> None:
    unread = set(part.spec.hyperparameters) - names
    require(
        not unread,
        f"[{part.spec.kind}.{part.name}] declares {listed(sorted(unread))}, but its function doesn't read it",
    )


def _copied(arrays: Arrays) -> Arrays:
    """Return what the next update doesn't change."""
    return {name: value.copy() for name, value in arrays.items()}


def _is_finite(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bool:
    return bool(np.isfinite(values).all())


def _train(engine: Engine, first: int) -> None:
    batch: Batch = eight_samples(TASK, SIDE)
    for step in range(first, first + UPDATES):
        engine.accumulate(batch, 1.0, step)
        engine.update(0.01)


def _engine_of(task: str, backend: str, terms: Sequence[LossTerm]) -> Engine:
    """Make an engine with the defaults of Vistry and a loss with these terms."""
    from vistry.task.hook_answers import task_loss

    module = engine_module(backend)
    module.seed_initialisation(0)
    values = Hyperparameters.of({**schema_of(Catalogue.of([], Policy()), None, task).defaults(), "precision": "fp32"})
    loss = with_terms(task_loss(task, values, backend=backend, data=training_data()), terms)
    settings = EngineSettings(values, PreprocessingSpec())
    return module.make(_LAYERS[backend](), settings, loss, lambda outputs, _: outputs)


def _engine(part: Part[OptimizerSpec], backend: str, values: Hyperparameters) -> Engine:
    from vistry.task.hook_answers import task_loss

    module = engine_module(backend)
    module.seed_initialisation(0)
    settings = EngineSettings(values, PreprocessingSpec(), optimizer=part)
    loss = task_loss(TASK, values, backend=backend, data=training_data())
    return module.make(_LAYERS[backend](), settings, loss, lambda outputs, _: outputs)


def _torch_layer() -> Module:
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, len(CLASSES)))


def _jax_layer() -> Module:
    from flax import nnx

    from vistry.flax_layers import Linear

    class Layer(nnx.Module):
        def __init__(self) -> None:
            self.head = Linear(3 * SIDE**2, len(CLASSES), random=np.random.default_rng(0))

        def __call__(self, images: Tensor) -> Tensor:
            return self.head(images.reshape(len(images), -1))

    return Layer()


_LAYERS = {"torch": _torch_layer, "jax": _jax_layer}
