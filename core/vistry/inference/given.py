"""What a call may change of trained weights: hyperparameters of prediction, and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistry.errors import VistryError
from vistry.evaluation.operating_point import Thresholds
from vistry.plugin.types import Values
from vistry.registry.tasks import task_named

BOX_THRESHOLD = "box_score_threshold"


@dataclass(frozen=True)
class Given:
    """What a call changes of a run or a model: hyperparameters, and the thresholds [C] of its classes.

    `has_own_threshold` is True where it names any, and those that were chosen for the run don't count.
    """

    changed: Values
    thresholds: Thresholds | None
    has_own_threshold: bool

    @classmethod
    def of(cls, name: str, task: str, classes: Sequence[str], *, threshold: float | None, changed: Values) -> Given:
        """Check what a call gives about a run or a model of this name.

        Raises VistryError for a threshold that its task doesn't have.
        """
        if threshold is None:
            return cls(changed, None, BOX_THRESHOLD in changed)
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise VistryError(f"threshold = {threshold!r}: must be a number from 0 to 1")
        info = task_named(task)
        if info.has_boxes:
            if BOX_THRESHOLD in changed:
                raise VistryError(f"threshold and {BOX_THRESHOLD} are the same; give one of them")
            return cls({**changed, BOX_THRESHOLD: threshold}, None, has_own_threshold=True)
        if not info.is_multilabel:
            raise VistryError(
                f"{name} is multi-class: each image gets its likeliest class, whatever the threshold; leave it out"
                + (f" (of two classes one can have it: vistry threshold {name})" if len(classes) == 2 else "")
            )
        return cls(changed, np.full(len(classes), float(threshold)), has_own_threshold=True)
