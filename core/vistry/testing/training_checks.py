"""Checks of the loss, of a step's effect on it, and of predictions."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace

import numpy as np

from vistry.registry.field_spec import Scalar
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.model_subject import ModelSubject, eight_inputs, responses
from vistry.testing.samples import black_images

_LEARNING_RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # the gradients of deep untrained networks are large
# A step is then along the gradient alone, so that a small enough one lowers the loss.
_PLAIN: dict[str, Scalar | None] = {"optimizer": "sgd", "momentum": 0, "nesterov": 0, "weight_decay": 0}


def loss_is_finite(subject: ModelSubject) -> None:
    """With untrained weights each term of the loss is a finite number."""
    context = subject.context()
    terms = subject.engine(context).accumulate(eight_inputs(context), 1.0, 0)
    wrong = [f"{name} = {value}" for name, value in terms.items() if not math.isfinite(value)]
    require(
        not wrong,
        f"with untrained weights the loss is not finite: {listed(wrong)}; look for a division by 0 or a log of 0",
    )


def loss_reaches_every_parameter(subject: ModelSubject) -> None:
    """Three steps of Adam, which changes every parameter with a gradient, change all of them."""
    unchanged = _unchanged_by_steps(subject)
    if unchanged:
        side = subject.context().input().input_size(training=True)
        # Attention and pooling over a map of one place, as of the smallest input, have no gradient; of four they have.
        with suppress(NothingToCheck):
            unchanged = _unchanged_by_steps(replace(subject, least_side=2 * side))
    require(
        not unchanged,
        f"the loss has no gradient for {listed(unchanged)}; use them in the forward pass, or make them buffers",
    )


def _unchanged_by_steps(subject: ModelSubject) -> list[str]:
    """Return the parameters that three steps of Adam leave as they are. Raises NothingToCheck."""
    context = subject.context(optimizer="adam", weight_decay=0)
    engine = subject.engine(context)
    before = {name: value.copy() for name, value in engine.weights().items()}
    samples = eight_inputs(context)
    for step in range(3):
        engine.accumulate(samples, 1.0, step)
        engine.update(0.001)
    after = engine.weights()
    return [name for name in subject.parameters() if np.array_equal(before[name], after[name])]


def one_step_lowers_the_loss(subject: ModelSubject) -> None:
    """A step along the gradient of eight fixed samples lowers their loss, if it is small enough."""
    context = subject.context(**_PLAIN)
    engine = subject.engine(context)
    samples = eight_inputs(context)
    initial = {name: value.copy() for name, value in engine.weights().items()}
    attempts = []
    for learning_rate in _LEARNING_RATES:
        before = sum(engine.accumulate(samples, 1.0, 0).values())
        engine.update(learning_rate)
        after = sum(engine.accumulate(samples, 1.0, 0).values())
        if after < before:
            return
        attempts.append(f"from {before:.6g} to {after:.6g} at a learning rate of {learning_rate:g}")
        engine.update(0.0)  # clears the gradients of the second pass
        engine.load_weights(initial)
    raise CheckFailed(
        f"a step along the gradient doesn't lower the loss: {'; '.join(attempts)}. The gradient isn't the loss's: "
        "look at custom backward passes, detached tensors and random numbers without a seed"
    )


def predicts_on_blank_images(subject: ModelSubject) -> None:
    """Blank images give predictions that can be written as JSON, empty ones for a detector."""
    context = subject.context(box_score_threshold=1)
    images = black_images(context.input().input_size(training=False))
    engine = subject.engine(context)
    try:
        answers = responses(context, engine, images)
        json.dumps(answers, allow_nan=False)
    except (ValueError, TypeError, IndexError) as error:
        raise CheckFailed(
            f"the prediction for a black image can't be written as JSON: {error}; look for a division by 0, such as "
            "by the contrast of a blank image, or for an empty tensor that the postprocessing doesn't expect"
        ) from error
    require(len(answers) == len(images), f"{len(images)} black images give {len(answers)} predictions")
