"""Which evaluation is the best, and when waiting for a better one is over (docs/reference/behaviour.md, 3.8)."""

from __future__ import annotations

from dataclasses import dataclass, field

from vistry.hyperparameter.values import Hyperparameters
from vistry.runs.records import BestEpoch


@dataclass
class EarlyStopping:
    """The best evaluation and the count of those since without improvement; a tie keeps the earlier epoch.

    `patience` is in evaluations. Those of the first `delay` epochs are not counted.
    """

    enabled: bool
    patience: int
    delay: int
    best: BestEpoch = field(default_factory=BestEpoch)
    larger_is_better: bool = True

    @classmethod
    def from_hyperparameters(
        cls, hyperparameters: Hyperparameters, best: BestEpoch | None = None, *, larger_is_better: bool = True
    ) -> EarlyStopping:
        """Set up from early_stopping and its patience and delay, at the best epoch of a resumed run."""
        return cls(
            enabled=hyperparameters.early_stopping,
            patience=hyperparameters.early_stopping_patience,
            delay=hyperparameters.early_stopping_delay,
            best=best or BestEpoch(),
            larger_is_better=larger_is_better,
        )

    def update(self, epoch: int, score: float | None) -> bool:
        """Take in an evaluation, of an epoch counted from 0; True if it is the best so far.

        A score of None says that nothing is measured: the latest epoch is then the best, and training never stops.
        """
        best = self.best
        improved = score is None or best.score is None or self._is_better(score, best.score)
        if improved:
            self.best = BestEpoch(epoch=epoch, score=score)
        elif epoch >= self.delay:
            waited = best.without_improvement + 1
            self.best = BestEpoch(epoch=best.epoch, score=best.score, without_improvement=waited)
        return improved

    def _is_better(self, score: float, other: float) -> bool:
        return score > other if self.larger_is_better else score < other

    @property
    def should_stop(self) -> bool:
        """Whether patience has run out."""
        return self.enabled and self.best.without_improvement >= self.patience
