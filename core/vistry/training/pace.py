"""How long the parts of a training take, to tell when it is over and whether it will be in time. Seconds throughout."""

from __future__ import annotations

from dataclasses import dataclass

SMOOTHING = 0.9  # of the running mean of a batch's seconds: about the last ten batches count
RESERVE = 1.2  # evaluations vary, and one begun too late would pass the time limit


@dataclass
class Pace:
    """Seconds of a batch (a running mean), of the last evaluation, and of saving the state to go on from."""

    batch: float | None = None
    evaluation: float = 0.0
    saving: float = 0.0

    def count_batch(self, seconds: float) -> None:
        """Take in a batch. The mean is at most twice the latest: a slow first step says little about the others."""
        usual = seconds if self.batch is None else SMOOTHING * self.batch + (1 - SMOOTHING) * seconds
        self.batch = min(usual, 2 * seconds)

    def remaining(self, batches: int, evaluations: int) -> float:
        """Estimate the time that so many batches and evaluations will take."""
        return batches * (self.batch or 0.0) + evaluations * self.evaluation

    def reserve(self, first_evaluation: float) -> float:
        """Estimate the time that one more update, an evaluation and saving will take, with room.

        `first_evaluation` is the guess for an evaluation as long as there was none.
        """
        return RESERVE * (self.evaluation or first_evaluation) + 2 * (self.batch or 0.0) + self.saving
