"""Made-up data sets with learning curves, and a sweep on them: hundreds of trainings in seconds.

Six models that differ in what they reach, what an epoch costs, how fast they learn and which learning rate they want.
Facts of fine-tuning that are built in: the best rate depends on model, optimiser and batch; above some rate a training
diverges, and just below it looks bad until the rate has fallen; with a low rate it learns slowly; frozen layers help up
to a point and save time; a small, fast model leads until a large one has caught up; an evaluation is noisy, and so is a
seed. The defaults are a recipe for other data: right in kind, and off by some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from vistry.sweep.distribution import Distribution
from vistry.sweep.next_job import first_goal, next_job, next_number, next_paused
from vistry.sweep.protocols import Sampler, Termination
from vistry.sweep.space import Group, ModelDefaults, Score, Space, Suggestion
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState

EPOCHS = 27
CHANCE = 0.12
EVALUATION_NOISE = 0.010
SEED_NOISE = 0.006
BATCHES = (8, 16, 32, 64)
RATES = {"sgd": 1.0, "adam": 0.05, "adamw": 0.05}
ACCURACY = Score(metric="accuracy", limit=1.0)


class Model(NamedTuple):
    """What it reaches, log10 of the rate it wants and of its default, cost and speed of an epoch, layers to freeze."""

    ceiling: float
    rate: float
    default_rate: float
    cost: float
    speed: float
    layers: int


MODELS = {
    "mobile": Model(0.85, -1.9, -2.0, cost=1.0, speed=0.60, layers=18),
    "residual": Model(0.86, -2.0, -2.0, cost=1.7, speed=0.48, layers=5),
    "deep": Model(0.89, -2.3, -2.0, cost=3.6, speed=0.40, layers=5),
    "squeezed": Model(0.91, -2.2, -2.0, cost=5.0, speed=0.34, layers=5),
    "patches": Model(0.925, -2.6, -2.3, cost=4.4, speed=0.32, layers=12),
    "large-patches": Model(0.94, -2.8, -2.3, cost=15.0, speed=0.28, layers=12),
}


class Curves(Protocol):
    """Where a trainer reads what it would have measured."""

    def curve(self, model: str, values: Mapping[str, Any]) -> np.ndarray:
        """The true score after each epoch."""

    def epoch_cost(self, model: str, values: Mapping[str, Any]) -> float:
        """What an epoch costs, in some unit."""


@dataclass(frozen=True)
class Surface:
    """One made-up data set."""

    seed: int

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """How this data set differs from others: for each model, and for all."""
        random = np.random.default_rng(7_000 + self.seed)
        return {
            "shift": {name: random.normal(0, 0.03) for name in MODELS},
            "rate": {name: random.normal(0, 0.25) for name in MODELS},
            "freeze": {name: random.uniform(0, 0.8) for name in MODELS},
            "optimizer": {(name, one): abs(random.normal(0, 0.015)) for name in MODELS for one in RATES},
            "decay": random.uniform(-4.5, -2),
            "pace": random.uniform(0.9, 1.2),
        }

    def curve(self, model: str, values: Mapping[str, Any]) -> np.ndarray:
        """The true score after each of 27 epochs."""
        facts, about = self.facts, MODELS[model]
        batch, frozen = values["training_batch_size"], (values["layers_to_freeze"] or 0) / about.layers
        wanted = about.rate + facts["rate"][model] + math.log10(RATES[values["optimizer"]]) + math.log10(batch / 32) / 2
        excess = math.log10(values["learning_rate"]) - wanted
        if excess > 1.1:
            return np.full(EPOCHS, CHANCE)
        above, below = max(excess, 0.0), min(excess, 0.0)
        lost = 0.06 * above**2 + 0.03 * below**2 + 0.06 * (frozen - facts["freeze"][model]) ** 2
        lost += 0.004 * (math.log10(values["weight_decay"]) - facts["decay"]) ** 2
        lost += 0.004 * (math.log2(batch) - 4.5) ** 2 + facts["optimizer"][model, values["optimizer"]]
        end = about.ceiling + facts["shift"][model] - lost
        pace = about.speed * facts["pace"] * 10 ** (0.35 * below) * (1 + 0.4 * frozen)
        epochs = np.arange(1, EPOCHS + 1)
        learned = 1 - np.exp(-pace * epochs * np.minimum(1, epochs / 3))
        unrest = 0.06 * above * np.cos(math.pi / 2 * epochs / EPOCHS)
        return np.clip(CHANCE + (end - CHANCE) * learned - unrest, CHANCE, 0.995)

    def epoch_cost(self, model: str, values: Mapping[str, Any]) -> float:
        """What an epoch costs: frozen layers save most of the way back."""
        about = MODELS[model]
        return about.cost * (1 - 0.55 * (values["layers_to_freeze"] or 0) / about.layers)

    @cached_property
    def best(self) -> float:
        """The best score that a training can end with."""
        return max(self.curve(model, values)[-1] for model, values in self._near_best())

    def _near_best(self) -> Iterator[tuple[str, dict[str, Any]]]:
        facts = self.facts
        for model, about in MODELS.items():
            for optimizer, relative in RATES.items():
                for batch in BATCHES:
                    for layers in range(about.layers + 1):
                        for excess in (-0.1, -0.05, 0.0, 0.05):
                            wanted = about.rate + facts["rate"][model] + math.log10(batch / 32) / 2 + excess
                            yield (
                                model,
                                {
                                    "optimizer": optimizer,
                                    "learning_rate": 10**wanted * relative,
                                    "training_batch_size": batch,
                                    "layers_to_freeze": layers,
                                    "weight_decay": 10 ** facts["decay"],
                                },
                            )


def choice(*choices: Any) -> Distribution:
    return Distribution(kind="choice", choices=choices)


def default_space() -> Space:
    """The space that a sweep has where nobody says what to search."""
    groups, defaults = [], {}
    for model, about in MODELS.items():
        parameters = {
            "optimizer": choice("sgd", "adamw"),
            "learning_rate": Distribution(kind="loguniform", low=0.1, high=5.0, is_relative=True),
            "training_batch_size": choice(16, 32, 64),
            "layers_to_freeze": choice(None, about.layers // 2, about.layers),
            "weight_decay": Distribution(kind="loguniform", low=1e-6, high=1e-2),
        }
        groups.append(Group(models=(model,), parameters=parameters))
        rates = {name: 10**about.default_rate * relative for name, relative in RATES.items()}
        values = {"optimizer": "sgd", "training_batch_size": 32, "layers_to_freeze": None, "weight_decay": 1e-4}
        own = {**values, "learning_rate": rates["sgd"], "number_of_epochs": EPOCHS}
        defaults[model] = ModelDefaults(values=own, rates=rates)
    return Space(groups=tuple(groups), defaults=defaults, score=ACCURACY)


def wide_space() -> Space:
    """What people write who don't know the models: ranges that hold for all of them."""
    groups = []
    for model, about in MODELS.items():
        parameters = {
            "optimizer": choice("sgd", "adam", "adamw"),
            "learning_rate": Distribution(kind="loguniform", low=1e-5, high=10**-0.5),
            "training_batch_size": choice(*BATCHES),
            "layers_to_freeze": choice(*range(about.layers)),
            "weight_decay": Distribution(kind="loguniform", low=1e-6, high=1e-1),
        }
        groups.append(Group(models=(model,), parameters=parameters))
    return Space(groups=tuple(groups), defaults=default_space().defaults, score=ACCURACY)


def cost_of_training() -> float:
    """What a training costs on average, over models and layers that are frozen: the unit of all budgets."""
    return float(np.mean([about.cost * (1 - 0.55 / 2) for about in MODELS.values()])) * EPOCHS


@dataclass
class Sweep:
    """A sweep with one worker that reads its scores from curves; `trials` and `spent` are all of its state.

    A training may be cut after any epoch and go on: what it measures depends on its number and nothing else.
    """

    curves: Curves
    space: Space
    sampler: Sampler
    termination: Termination
    max_trials: int | None = None
    seed: int = 0
    trials: list[Trial] = field(default_factory=list)
    spent: float = 0.0
    log: list[tuple[str, int, int]] = field(default_factory=list)

    def run(self, budget: float = math.inf, after_epoch: Callable[[], None] = lambda: None) -> None:
        """Train until the budget is spent, or nothing is left to do."""
        while self.spent < budget:
            job = next_job(self.trials, sampler=self.sampler, termination=self.termination, max_trials=self.max_trials)
            if job is None and budget < math.inf:
                job = next_paused(self.trials, score=self.space.score)
            if job is None:
                return
            number = self._begin(job) if isinstance(job, Suggestion) else job.number
            if not isinstance(job, Suggestion):
                self._become(number, TrialState(status="running", until=job.until))
                self.log.append(("resume", number, job.until))
            self._train(number, budget, after_epoch)

    def _begin(self, job: Suggestion) -> int:
        number = next_number(self.trials)
        record = TrialRecord(
            number=number, group=job.group, model=job.model, values=job.values, why=job.why, epochs=EPOCHS, threads=1
        )
        self.log.append((job.why, number, 0))
        state = TrialState(status="running", until=first_goal(record, self.termination))
        self.trials.append(Trial(record=record, state=state))
        return number

    def _train(self, number: int, budget: float, after_epoch: Callable[[], None]) -> None:
        record = self.trials[number - 1].record
        noisy = self.measured(number)
        cost = self.curves.epoch_cost(record.model, record.values)
        while True:
            trial = self.trials[number - 1]
            if trial.trained >= record.epochs:
                return self._become(number, TrialState(status="completed"))
            if trial.evaluations and (verdict := self.termination.verdict(trial, self.trials)):
                status = {"pause": "paused", "stop": "stopped"}[verdict.action]
                return self._become(number, TrialState(status=status, reason=verdict.reason))
            if self.spent >= budget:
                return None
            epoch = trial.trained + 1
            evaluation = Evaluation(epochs=epoch, score=float(noisy[epoch - 1]))
            self.trials[number - 1] = replace(trial, evaluations=(*trial.evaluations, evaluation))
            self.spent += cost
            after_epoch()

    def measured(self, number: int) -> np.ndarray:
        """What the evaluations of a trial say."""
        record, random = self.trials[number - 1].record, np.random.default_rng([self.seed, number])
        true = self.curves.curve(record.model, record.values)
        noise = random.normal(0, SEED_NOISE) + random.normal(0, EVALUATION_NOISE, len(true))
        return np.clip(true + noise, 0, 1)

    def _become(self, number: int, state: TrialState) -> None:
        self.trials[number - 1] = replace(self.trials[number - 1], state=state)

    def chosen(self) -> float:
        """The true score of the model that the user would get: the one with the best measurement."""
        return true_of_best(
            self.curves, [(one.record.model, one.record.values, one.evaluations) for one in self.trials]
        )


def true_of_best(curves: Curves, trials: Sequence[tuple[str, Mapping[str, Any], Sequence[Evaluation]]]) -> float:
    """The true score at the evaluation that measured the best one."""
    model, values, best = max(
        ((model, values, one) for model, values, evaluations in trials for one in evaluations),
        key=lambda candidate: candidate[2].score,
    )
    return float(curves.curve(model, values)[best.epochs - 1])
