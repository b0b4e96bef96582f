"""Checks of building a model: its outputs, its size and its seed."""

from __future__ import annotations

import numpy as np

from vistry.registry.tasks import task_named
from vistry.task.outputs import wrong_shape
from vistry.testing.check import CheckFailed, listed, reason_of, require
from vistry.testing.meta_device import materialised, on_meta_device
from vistry.testing.model_subject import ModelSubject, eight_inputs, message, resize_infos
from vistry.testing.samples import CLASSES
from vistry.training.engines import Engine

CLASSES_OF_IMAGENET = 1000  # parameter counts are published for these


def model_is_built(subject: ModelSubject) -> str:
    """The builder gives a module with the default hyperparameters; a composed model stands on an installed backbone."""
    subject.context()
    if error := subject.build_error:
        raise CheckFailed(f"{message(error, subject)}; correct it") from error
    backbone = subject.card.backbone
    return f"on {backbone.name} of {backbone.distribution}" if backbone else ""


def builds_on_the_meta_device(subject: ModelSubject) -> None:
    """The builder computes nothing: it works on the meta device, where tensors have shapes and no values."""
    context = subject.context()
    remedy = "build with torch.nn alone, and use plain Python numbers in place of tensors' values (no .item())"
    try:
        module = on_meta_device(subject.backend, lambda: context.module(len(CLASSES)))
    except Exception as error:
        raise CheckFailed(f"vistry_build_model fails on the meta device: {reason_of(error)}; {remedy}") from error
    real = materialised(subject.backend, module)
    require(not real, f"these parameters have values on the meta device: {listed(real)}; {remedy}")


def is_detector(subject: ModelSubject) -> bool:
    """Return whether the task has boxes. The shapes of a detector's outputs depend on their values."""
    return task_named(subject.task).has_boxes


def predictions_have_the_right_shape(subject: ModelSubject) -> None:
    """Built for four classes it gives one finite prediction an image; a classifier's has a value for each class."""
    classifies = not is_detector(subject)
    context = subject.context()
    if subject.left_out and classifies:
        wrong = wrong_shape("output", subject.output_shape(), expected=(2, len(CLASSES)))
        require(not wrong, wrong)
        return
    images = eight_inputs(context, training=False).images
    predictions = subject.engine(context).predict(images, resize_infos(context, images))
    wrong = context.task.wrong_predictions(predictions, len(images), len(CLASSES))
    require(not wrong, wrong)


def parameter_count_is_as_declared(subject: ModelSubject) -> None:
    """It has as many parameters as plugin.toml says, with the classes it was published for, or with 1000."""
    card = subject.card
    published = [card.classes, *(spec.classes for spec in card.weights.values())]
    classes = next((count for count in published if count), CLASSES_OF_IMAGENET)
    count = subject.parameter_count(classes)
    require(
        count == card.parameters,
        f"plugin.toml says parameters = {card.parameters}, but with {classes} classes the model has {count}; "
        "correct the number",
    )


def random_seed_is_reproducible(subject: ModelSubject) -> None:
    """The same random_seed gives the same weights and the same first step, another seed gives others."""
    first, again, other = (subject.engine(subject.context(random_seed=seed)) for seed in (0, 0, 1))
    differing = _differing(first, again)
    require(
        not differing,
        f"two models built with one random_seed differ in {listed(differing)}; draw initial weights from the backend's "
        "own generator, which is seeded",
    )
    require(
        bool(_differing(first, other)),
        "models built with random_seed 0 and 1 have the same weights; set no seed in the builder",
    )
    for engine in (first, again):
        engine.accumulate(eight_inputs(subject.context()), 1.0, 0)
        engine.update(0.01)
    differing = _differing(first, again)
    require(
        not differing,
        f"the same first step gives other values of {listed(differing)}; draw the random numbers of the forward pass "
        "from the backend's own generator, which is seeded",
    )


def _differing(first: Engine, second: Engine) -> list[str]:
    """Return the names of the tensors that differ between two engines."""
    weights, others = first.weights(), second.weights()
    return [name for name in weights if not np.array_equal(weights[name], others[name])]
