"""Training the head alone of a pretrained model: a third of the time, and on few images often the better model.

What the layers below it see stays as published (Sharif Razavian et al., CVPR workshops 2014; Kornblith et al., 2019).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from vistry.hyperparameter.schema import Schema
from vistry.registry.tasks import TaskInfo
from vistry.sweep.automatic.candidates import RANDOM, Candidate

FEW_IMAGES = 2_000  # with more, all layers have enough to learn from
RATE_FACTOR = 20.0  # of the rate that the whole model wants: nothing that was learned before can be spoilt
EPOCHS = 6  # where time is short: a linear model on features that stay has learned most by then


@dataclass(frozen=True)
class Head:
    """The hyperparameter that freezes layers, and how many of them leave the head alone."""

    name: str
    layers: int


def head_of(
    candidate: Candidate, schema: Schema, task: TaskInfo, *, images: int, given: Collection[str]
) -> Head | None:
    """How a candidate's head is trained alone on so many images; None where that isn't to be tried.

    It needs published weights and few images, a task whose networks have a head, and a user who says nothing of frozen
    layers, whose names `given` has.
    """
    if task.has_boxes or candidate.weights == RANDOM or images >= FEW_IMAGES:
        return None
    fields = (
        (name, field.spec.maximum) for name, field in schema.fields.items() if field.spec.maximum_from == "freeze"
    )
    return next((Head(name, int(most)) for name, most in fields if most and name not in given), None)
