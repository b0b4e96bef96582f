"""What a sweep will be, before it begins: its points, how long a training takes, and how many fit into the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vistry.sweep.early_termination import termination_of
from vistry.sweep.session import SweepPlan
from vistry.sweep.space_values import default_of
from vistry.training.estimate import estimate
from vistry.training.plan import make_plan


@dataclass(frozen=True, kw_only=True)
class ModelOutlook:
    """One model's default: the seconds of its training, measured on a few steps; its epochs, and its first rung."""

    model: str
    seconds: float
    epochs: int
    first_rung: int

    @property
    def seconds_to_rung(self) -> float:
        """The seconds of a trial that goes no further than its first rung."""
        return self.seconds * self.first_rung / self.epochs


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is to be expected of a sweep.

    `points` is the size of its grid, None where there is no end of it; `left_out` how many of them are more than there
    are trials. `trainings` is how many trainings of the default fit into the time limit, one model as often as the
    other, and `trials` how many that end at their first rung; None without a time limit.
    """

    models: tuple[ModelOutlook, ...]
    points: int | None
    left_out: int
    trainings: int | None
    trials: int | None


def outlook_of(plan: SweepPlan) -> Outlook:
    """Train a few steps of each model's default and discard the result; nothing is written."""
    models = tuple(_models(plan))
    limits = plan.request.limits
    points = plan.points
    left_out = max(0, points - limits.max_trials) if points is not None and limits.max_trials is not None else 0
    at_once = limits.max_concurrent_trials or 1
    trainings = trials = None
    if limits.time_limit is not None:
        time = limits.time_limit * at_once * len(models)
        trainings = int(time / sum(one.seconds for one in models))
        trials = int(time / sum(one.seconds_to_rung for one in models))
    return Outlook(models=models, points=points, left_out=left_out, trainings=trainings, trials=trials)


def _models(plan: SweepPlan) -> Iterator[ModelOutlook]:
    termination = termination_of(plan.request.termination, plan.space)
    for model in plan.space.models:
        request = replace(plan.first.request, model=model)
        training = make_plan(request, [default_of(plan.space, model)], plan.splits)
        epochs = training.hyperparameters.number_of_epochs
        yield ModelOutlook(
            model=model,
            seconds=estimate(training).total_seconds,
            epochs=epochs,
            first_rung=termination.first_rung(epochs),
        )
