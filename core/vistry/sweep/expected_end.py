"""How well a trial is expected to end, so that trials of several models can be compared before they have.

After equal shares of their epochs small, quick models look better than they will be. So what a score is worth is read
off the curve of the same model's default trial, which is trained to its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vistry.sweep.space import Score
from vistry.sweep.trial import Trial


class ExpectedEnd:
    """The score that a trial promises to have at its end, by what it and its model's default have shown so far.

    b + (D_E - D_r) (1 - b) / (1 - D_r), where b is the trial's best score up to the share r of its epochs, and D the
    best so far of its model's default trial: of what is missing to 1, the trial gains as great a part as that one did.
    It is b alone for a metric whose largest value isn't 1, or where no default trial of the model has ended.
    """

    def __init__(self, trials: Sequence[Trial], score: Score):
        """Look for the default trials that have ended; of a model's several the one of a trial's own group counts."""
        ended = [trial for trial in trials if trial.is_default and trial.state.status == "completed"]
        ended = ended if score.limit == 1 else []
        # Of several the first counts, as it did before the others had ended: reversed, since the last key stays.
        self._by_group = {(trial.record.model, trial.record.group): trial for trial in reversed(ended)}
        self._by_model = {trial.record.model: trial for trial in reversed(ended)}

    def of(self, trial: Trial, after: int | None = None) -> float | None:
        """Judge a trial by its first `after` epochs, or by all it has; None where it has no score yet."""
        epochs = trial.trained if after is None else min(after, trial.trained)
        best, share = trial.best(epochs), epochs / trial.record.epochs
        key = (trial.record.model, trial.record.group)
        default = self._by_group.get(key) or self._by_model.get(trial.record.model)
        if best is None or share >= 1 or default is None:
            return best
        then, end = default.best(math.ceil(share * default.record.epochs - 1e-9)), default.best()
        if then is None or end is None or then >= 1:
            return best
        return best + (end - then) * (1 - best) / (1 - then)
