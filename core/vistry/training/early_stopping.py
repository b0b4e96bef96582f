"""Which evaluation is the best, and when waiting for a better one is over (docs/reference/behaviour.md, 3.8)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vistry.hyperparameter.values import Hyperparameters


@dataclass
class EarlyStopping:
    """The best evaluation and the count of those since without improvement; a tie keeps the earlier epoch.

    Evaluations of the first `delay` epochs are not counted.
    """

    enabled: bool
    patience: int
    delay: int
    score: float | None = None
    epoch: int | None = None
    without_improvement: int = 0

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> EarlyStopping:
        """Set up from early_stopping and its patience and delay."""
        return cls(
            hyperparameters.early_stopping,
            hyperparameters.early_stopping_patience,
            hyperparameters.early_stopping_delay,
        )

    def observe(self, epoch: int, score: float) -> bool:
        """Take in the score of an epoch, counted from 0; True if it is the best so far."""
        improved = self.score is None or score > self.score
        if improved:
            self.score, self.epoch, self.without_improvement = score, epoch, 0
        elif epoch >= self.delay:
            self.without_improvement += 1
        return improved

    def take(self, epoch: int) -> bool:
        """Make an epoch the best without a score, where nothing is measured: always True."""
        self.epoch = epoch
        return True

    @property
    def should_stop(self) -> bool:
        """Whether patience has run out."""
        return self.enabled and self.without_improvement >= self.patience

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values for a checkpoint."""
        return asdict(self)
