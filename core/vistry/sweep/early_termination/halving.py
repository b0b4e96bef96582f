"""Successive halving that pauses and promotes, rather than stops: runs resume to the bit, so nothing is thrown away.

The asynchronous rule of Li et al. 2020 (A System for Massively Parallel Hyperparameter Tuning, arXiv:1810.05934), on
rungs that are shares of each trial's own epochs, and by the end that is expected of each trial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from vistry.sweep.expected_end import ExpectedEnd
from vistry.sweep.protocols import Verdict
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Score, Space
from vistry.sweep.trial import Trial

FACTOR = 3  # a third of the trials of a rung goes on to the next one, for three times as many epochs
LOWER_RUNGS = 2


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Pauses a trial at each of its rungs, and promotes the best third of those that reached the rung.

    Rungs are at ceil(E/9), ceil(E/3) and E of a trial's E epochs, none before `earliest`, and each after a multiple of
    `frequency` epochs, so that there is an evaluation. A model's default trial runs to its end.
    """

    score: Score
    earliest: int = 1
    frequency: int = 1

    @classmethod
    def of(cls, _: TerminationRequest, space: Space) -> Halving:
        """Make one for a space, whose longest warm-up and one evaluation come before the first rung."""
        frequency = max([1, *(_largest(space, model, name="evaluation_frequency") for model in space.models)])
        # A rung is asked for by the number of epochs alone, so all models wait for the one that waits longest.
        warm_up = max([_warm_up(space, model) for model in space.models], default=0)
        return cls(score=space.score, earliest=warm_up + frequency, frequency=frequency)

    def first_rung(self, epochs: int) -> int:
        """The first rung of a trial of so many epochs."""
        return self.rungs(epochs)[0]

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The rungs of a trial of so many epochs, the last of which is its end; lower ones may be as high."""
        return _rungs(epochs, self.earliest, self.frequency)

    def verdict(self, trial: Trial, trials: Sequence[Trial]) -> Verdict | None:
        """Pause a trial that has just come to one of its rungs, and may not train beyond."""
        epochs, until = trial.record.epochs, trial.state.until or 0
        before = trial.evaluations[-2].epochs if len(trial.evaluations) > 1 else 0
        if trial.is_default or trial.trained >= epochs or trial.trained < until:
            return None
        reached = [place for place, rung in enumerate(self.rungs(epochs)) if before < rung <= trial.trained]
        if not reached:
            return None
        # The list may have been read before the evaluation that is judged.
        everybody = [trial, *(other for other in trials if other.number != trial.number)]
        ranked = self._ranked(everybody, reached[-1])
        return Verdict(action="pause", reason=self._standing(trial, ranked, trials=everybody))

    def promoted(self, trials: Sequence[Trial]) -> tuple[int, int] | None:
        """The best paused trial that is among the best third of its rung, and its next rung; higher rungs first."""
        # From the top: what is nearest to its end gives the better model soonest.
        for place in range(LOWER_RUNGS - 1, -1, -1):
            ranked = self._ranked(trials, place)
            for trial in ranked[: len(ranked) // FACTOR]:
                rung = self.rungs(trial.record.epochs)[place + 1]
                if trial.state.status == "paused" and trial.trained < rung:
                    return trial.number, rung
        return None

    def _ranked(self, trials: Sequence[Trial], place: int) -> list[Trial]:
        """The trials that have reached a rung, those first that promise most by what they were there; failed ones last.

        Of equals the older one is first.
        """
        expected = ExpectedEnd(trials, self.score)

        def order(trial: Trial) -> tuple[float, int]:
            end = expected.of(trial, after=self.rungs(trial.record.epochs)[place])
            return math.inf if end is None or trial.state.status == "failed" else -end, trial.number

        return sorted([trial for trial in trials if trial.trained >= self.rungs(trial.record.epochs)[place]], key=order)

    def _standing(self, trial: Trial, ranked: Sequence[Trial], trials: Sequence[Trial]) -> str:
        """Where a trial stands among those of its rung, with the numbers that decide."""
        best, end = trial.best(), ExpectedEnd(trials, self.score).of(trial)
        progress = f"after {trial.trained} of {trial.record.epochs} epochs"
        if best is None or end is None:
            return f"no score {progress}"
        promise = f", {self.score.shown(end)} expected at the end" if end != best else ""
        rank = 1 + [one.number for one in ranked].index(trial.number)
        return (
            f"{self.score.shown(best)} {progress}{promise}: place {rank} of {len(ranked)}, and the best "
            f"{len(ranked) // FACTOR} go on"
        )


@cache
def _rungs(epochs: int, earliest: int, frequency: int) -> tuple[int, ...]:
    shares = [epochs / FACTOR**power for power in range(LOWER_RUNGS, 0, -1)]
    lower = [max(math.ceil(share - 1e-9), earliest) for share in shares]
    evaluated = [math.ceil(rung / frequency) * frequency for rung in lower]
    return (*(min(rung, epochs) for rung in evaluated), epochs)


def _warm_up(space: Space, model: str) -> int:
    """The most epochs of warm-up that a trial of a model can have."""
    schedules = {space.defaults[model].values.get("learning_rate_scheduler")}
    for group in space.groups:
        if model in group.models and "learning_rate_scheduler" in group.parameters:
            schedules |= set(group.parameters["learning_rate_scheduler"].choices)
    warms = "warmup_cosine" in schedules
    return _largest(space, model, name="warmup_cosine_lr_warmup_epochs") if warms else 0


def _largest(space: Space, model: str, *, name: str) -> int:
    """The largest value of a whole-numbered hyperparameter that a trial of a model can have; 0 where it has none."""
    drawn = [group.parameters[name] for group in space.groups if model in group.models and name in group.parameters]
    values = [space.defaults[model].values.get(name), *(value for one in drawn for value in one.ends())]
    return max([value for value in values if isinstance(value, int)], default=0)
