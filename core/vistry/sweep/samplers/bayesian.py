"""The tree-structured Parzen estimator, of Optuna: points like the good trials and unlike the others.

Optuna suggests and keeps nothing: its study is made anew, in memory, from the trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from vistry.errors import VistryError
from vistry.sweep.coordinates import Coordinates, Point
from vistry.sweep.expected_end import ExpectedEnd
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import Drawing, seed_of
from vistry.sweep.samplers.sobol import Sobol
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FIRST_POINTS = 10  # of a sequence, before there is enough to learn from
EXTRA = "pip install 'vistry[sweep]'"


def is_installed() -> bool:
    """Whether there is Optuna."""
    return find_spec("optuna") is not None


@dataclass(frozen=True)
class Bayesian:
    """Ten points of Sobol's sequence, and then what is likely to be better than the trials so far."""

    drawing: Drawing

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> Bayesian:
        """Make the sampler of a request. Raises VistryError without Optuna."""
        if not is_installed():
            raise VistryError(f"bayesian sampling is Optuna's, which isn't installed; {EXTRA}")
        return cls(Drawing(Coordinates(space), request.seed))

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Propose trial `number` by the expected ends of the others, and away from those that run now."""
        if number <= FIRST_POINTS:
            return Sobol(self.drawing).suggest(number, trials)
        return self.learned(number, trials)

    def learned(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Propose a trial by the estimator, however few there have been."""
        distributions = _distributions(self.drawing.coordinates)
        past = _past(self.drawing.coordinates, trials, distributions)

        def draw(attempt: int) -> Point:
            return _ask(past, distributions, seed_of(self.drawing.seed, number, attempt))

        return self.drawing.suggestion(number, trials, draw, why="tpe")


def _ask(past: Sequence[FrozenTrial], distributions: Mapping[str, BaseDistribution], seed: int) -> Point:
    """The point that Optuna proposes after these trials."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study that is made for each trial isn't news
    try:
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=1)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials(past)
        return {name: float(value) for name, value in study.ask(dict(distributions)).params.items()}
    finally:
        optuna.logging.set_verbosity(level)


class _Uncopied:
    """A distribution that never changes: Optuna copies it with each trial, which would be half of its time."""

    def __deepcopy__(self, _: object) -> Self:
        return self


@cache
def _kinds() -> tuple[Callable[[range], BaseDistribution], Callable[[float, float], BaseDistribution]]:
    """The distribution of a label, from its places, and of a number, from both ends."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    class Label(_Uncopied, CategoricalDistribution):
        """One of several labels, by its place."""

    class Number(_Uncopied, FloatDistribution):
        """A number in a range."""

    return Label, Number


def _distributions(coordinates: Coordinates) -> dict[str, BaseDistribution]:
    label, number = _kinds()
    labels = {name: label(range(count)) for name, count in coordinates.categorical.items()}
    return {**labels, **{name: number(0.0, 1.0) for name in coordinates.numeric}}


def _past(
    coordinates: Coordinates, trials: Sequence[Trial], distributions: Mapping[str, BaseDistribution]
) -> list[FrozenTrial]:
    """The trials as Optuna knows them: with the end that is expected of them, or as still running.

    A failed one has the worst score of all, so that its surroundings are avoided. Those are left out that have no score
    and haven't failed, and those that the space doesn't hold.
    """
    from optuna.trial import TrialState, create_trial

    expected = ExpectedEnd(trials, coordinates.space.score)
    ends = {trial.number: expected.of(trial) for trial in trials if trial.state.status != "failed"}
    scores = [one.score for trial in trials for one in trial.evaluations if math.isfinite(one.score)]
    worst = min(scores, default=0.0)
    past = []
    for trial in trials:
        point, status = coordinates.point_of(trial), trial.state.status
        value = worst if status == "failed" else ends[trial.number]
        # A score that nobody has is no zero: the estimator would learn to avoid what was merely skipped.
        if point is None or (status != "running" and value is None):
            continue
        params = {name: int(point[name]) if name in coordinates.categorical else point[name] for name in distributions}
        state = TrialState.RUNNING if status == "running" else TrialState.COMPLETE
        value = None if status == "running" else value
        past.append(create_trial(state=state, params=params, distributions=dict(distributions), value=value))
    return past
