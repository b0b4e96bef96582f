"""Checks of building a model: what comes out, how large it is, and that a seed decides its numbers."""

from __future__ import annotations

import numpy as np

from vistry.data.readers.labels import OBJECT_TASKS
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.meta_device import materialised, on_meta_device
from vistry.testing.model_subject import ModelSubject, eight_inputs, resize_infos
from vistry.testing.samples import CLASSES
from vistry.training.engines import Engine

CLASSES_OF_IMAGENET = 1000


def builds_on_the_meta_device(subject: ModelSubject) -> None:
    """The builder computes nothing: where tensors have shapes and no numbers, it still makes the model."""
    context = subject.context()
    remedy = "build with torch.nn alone, and take plain Python numbers where a tensor's value decides (no .item())"
    try:
        module = on_meta_device(subject.backend, lambda: context.module(len(CLASSES)))
    except Exception as error:
        raise CheckFailed(
            f"vistry_build_model fails where nothing is computed: {type(error).__name__}: {error}; {remedy}"
        ) from error
    real = materialised(subject.backend, module)
    require(not real, f"these parameters hold numbers on the meta device: {listed(real)}; {remedy}")


def finds_objects(subject: ModelSubject) -> bool:
    """Return whether the model's outputs have no shape that can be told without computing them."""
    return subject.task in OBJECT_TASKS


def builds_for_real(subject: ModelSubject) -> None:
    """Built for four classes it gives a finite prediction an image; a classifier's has a value for each class."""
    classifies = not finds_objects(subject)
    context = subject.context()
    if subject.left_out and classifies:
        shape = subject.output_shape()
        require(shape == (2, len(CLASSES)), _wrong_shape("output", shape, (2, len(CLASSES))))
        return
    images = eight_inputs(context, training=False).images
    predictions = subject.engine(context).predict(images, resize_infos(context, images))
    require(len(predictions) == len(images), f"{len(images)} images give {len(predictions)} predictions")
    if classifies:
        wanted = (len(images), len(CLASSES))
        probabilities = np.asarray(predictions)
        require(probabilities.shape == wanted, _wrong_shape("predictions", probabilities.shape, wanted))
        require(bool(np.isfinite(probabilities).all()), "its predictions are not finite")


def _wrong_shape(what: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return f"the shape of the {what} is {list(found)}, and {list(wanted)} is due; give the head num_classes outputs"


def parameter_count_is_as_declared(subject: ModelSubject) -> None:
    """It has as many parameters as plugin.toml says, with the classes it was published with, or with 1000."""
    card = subject.card
    published = [card.classes, *(spec.classes for spec in card.weights.values())]
    classes = next((count for count in published if count), CLASSES_OF_IMAGENET)
    found = subject.parameter_count(classes)
    require(
        found == card.parameters,
        f"plugin.toml says parameters = {card.parameters}, and with {classes} classes the model has {found}; "
        "write the number that is right",
    )


def seeds_decide_the_numbers(subject: ModelSubject) -> None:
    """The same random_seed gives the same weights and the same first step, another seed others."""
    first, again, other = (subject.engine(subject.context(random_seed=seed)) for seed in (0, 0, 1))
    differing = _differing(first, again)
    require(
        not differing,
        f"two models built with one random_seed differ in {listed(differing)}; draw initial weights from the backend's "
        "own random numbers, which are seeded",
    )
    require(
        bool(_differing(first, other)),
        "models built with random_seed 0 and 1 have the same weights; don't seed anything in the builder",
    )
    for engine in (first, again):
        engine.accumulate(eight_inputs(subject.context()), 1.0, 0)
        engine.update(0.01)
    differing = _differing(first, again)
    require(
        not differing,
        f"the same first step of training gives other numbers in {listed(differing)}; draw what is random in the "
        "forward pass from the backend's own random numbers, which are seeded",
    )


def _differing(first: Engine, second: Engine) -> list[str]:
    """The tensors that two engines don't have alike."""
    ours, theirs = first.weights(), second.weights()
    return [name for name in ours if not np.array_equal(ours[name], theirs[name])]
