"""How good a model a sweep ends with: the default search against random search, early termination, and Optuna's own.

`python benchmarks/sweep.py [--seeds 24] [--budgets 10,20,40,80] [--curves FILE] [--only auto]`

On made-up data sets (sweep_surface.py): the regret, the best accuracy there is less the true one of the model that the
user would get, in hundredths, after so many full random trainings' worth of computing; mean and standard error over
seeds. With `--curves FILE`, or VISTRY_LEARNING_CURVES in the environment, also on real ones: a JSON object a line with
`cfg`: model, lr, optimizer, weight_decay and batch, and `acc`: the accuracy after each epoch. Last, the CPU time of a
suggestion.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from sweep_surface import (
    ACCURACY,
    BATCHES,
    EPOCHS,
    MODELS,
    RATES,
    Surface,
    Sweep,
    choice,
    cost_of_training,
    default_space,
    true_of_best,
    wide_space,
)
from vistry.sweep.distribution import Distribution
from vistry.sweep.early_termination import termination_of
from vistry.sweep.early_termination.halving import Halving
from vistry.sweep.protocols import Sampler, Termination, Verdict
from vistry.sweep.request import SamplerRequest, TerminationRequest
from vistry.sweep.samplers import sampler_of
from vistry.sweep.space import Group, ModelDefaults, Score, Space, Suggestion
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState

DATA_SETS = 12
NONE = TerminationRequest(name="none")
HALVING = TerminationRequest(name="halving")
BANDIT = TerminationRequest(name="bandit", slack_factor=0.2, evaluation_interval=2, delay_evaluation=6)
MEDIAN = TerminationRequest(name="median_stopping", evaluation_interval=1, delay_evaluation=5)
TRUNCATION = TerminationRequest(name="truncation_selection", truncation_percentage=20, delay_evaluation=5)

Regrets = list[float]


def of_ours(space: Space, sampler: str, termination: TerminationRequest) -> Callable[[int, Sequence[float]], Regrets]:
    """A function from a seed and budgets to the regret at each budget, for a sweep of ours."""

    def regrets(seed: int, budgets: Sequence[float]) -> Regrets:
        return _regrets(space, sampler, termination_of(termination, space), seed=seed, budgets=budgets)

    return regrets


def _regrets(space: Space, name: str, termination: Termination, *, seed: int, budgets: Sequence[float]) -> Regrets:
    surface = Surface(seed % DATA_SETS)
    sweep = Sweep(surface, space, sampler_of(SamplerRequest(name=name, seed=seed), space), termination, seed=seed)
    result = []
    for budget in budgets:
        sweep.run(budget * cost_of_training())
        result.append(100 * (surface.best - sweep.chosen()))
    return result


def of_optuna(seed: int, budgets: Sequence[float]) -> Regrets:
    """Optuna's `study.optimize` with its default sampler and its median pruner, on the wide space."""
    surface, random = Surface(seed % DATA_SETS), np.random.default_rng(seed)
    tried: list[tuple[str, Mapping[str, Any], list[Evaluation]]] = []
    spent = [0.0]
    left, result = [budget * cost_of_training() for budget in budgets], []

    def objective(trial: optuna.Trial) -> float:
        model = trial.suggest_categorical("model", list(MODELS))
        values = {
            "optimizer": trial.suggest_categorical("optimizer", list(RATES)),
            "learning_rate": trial.suggest_float("learning_rate", 1e-5, 10**-0.5, log=True),
            "training_batch_size": trial.suggest_categorical("training_batch_size", list(BATCHES)),
            "layers_to_freeze": trial.suggest_int(f"layers_to_freeze_{model}", 0, MODELS[model].layers - 1),
            "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-1, log=True),
        }
        true = surface.curve(model, values)
        noisy = np.clip(true + random.normal(0, 0.006) + random.normal(0, 0.010, EPOCHS), 0, 1)
        evaluations: list[Evaluation] = []
        tried.append((model, values, evaluations))
        for epoch, score in enumerate(noisy.tolist(), 1):
            while left and spent[0] >= left[0]:
                left.pop(0)
                result.append(100 * (surface.best - true_of_best(surface, tried)))
            if not left:
                trial.study.stop()
                return max([one.score for one in evaluations], default=0.0)
            evaluations.append(Evaluation(epochs=epoch, score=score))
            spent[0] += surface.epoch_cost(model, values)
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return max(noisy.tolist())

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())
    study.optimize(objective)
    return result


RUNGS = Halving(score=ACCURACY).rungs(EPOCHS)


class StopsByRawScores:
    """Successive halving as most people would build it: whoever isn't among the best third of a rung is stopped."""

    def first_rung(self, epochs: int) -> int:
        return epochs

    def verdict(self, trial: Trial, trials: Sequence[Trial]) -> Verdict | None:
        for rung in RUNGS[:-1]:
            if trial.trained == rung:
                scores = sorted((one.best(rung) or 0 for one in trials if one.trained >= rung), reverse=True)
                if (trial.best(rung) or 0) < scores[max(len(scores) // 3, 1) - 1]:
                    return Verdict(action="stop", reason="raw score")
        return None

    def promoted(self, trials: Sequence[Trial]) -> tuple[int, int] | None:  # noqa: ARG002
        return None


def by_raw_scores(seed: int, budgets: Sequence[float]) -> Regrets:
    """The default search, fed and stopped by raw scores: what makes a surface worth measuring on is that this fails."""
    space = replace(default_space(), score=Score())
    return _regrets(space, "auto", StopsByRawScores(), seed=seed, budgets=budgets)


METHODS: Mapping[str, Callable[[int, Sequence[float]], Regrets]] = {
    "random, wide ranges": of_ours(wide_space(), "random", NONE),
    "random, wide ranges, bandit": of_ours(wide_space(), "random", BANDIT),
    "random": of_ours(default_space(), "random", NONE),
    "random, bandit": of_ours(default_space(), "random", BANDIT),
    "random, median stopping": of_ours(default_space(), "random", MEDIAN),
    "random, truncation selection": of_ours(default_space(), "random", TRUNCATION),
    "random, halving": of_ours(default_space(), "random", HALVING),
    "Optuna's study.optimize, median pruner": of_optuna,
    "auto, fed and stopped by raw scores": by_raw_scores,
    "auto, no early termination": of_ours(default_space(), "auto", NONE),
    "auto (halving)": of_ours(default_space(), "auto", HALVING),
}


def surfaces(seeds: int, budgets: Sequence[float], only: str) -> None:
    print("| | " + " | ".join(f"{budget:g} trainings" for budget in budgets) + " |")
    print("|---|" + "---|" * len(budgets))
    for name, method in METHODS.items():
        if only not in name:
            continue
        table = np.array([method(seed, budgets) for seed in range(seeds)])
        mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(seeds)
        cells = [f"{value:.2f} ± {doubt:.2f}" for value, doubt in zip(mean, error, strict=True)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


@dataclass(frozen=True)
class Table:
    """Real curves, each with the values of its training."""

    rows: Sequence[tuple[str, Mapping[str, Any], np.ndarray]]

    @classmethod
    def read(cls, path: Path) -> Table:
        rows = []
        for line in path.read_text().splitlines():
            record = json.loads(line)
            config, curve = record["cfg"], record.get("acc", [])
            if len(curve) < EPOCHS:
                continue
            values = {"learning_rate": config["lr"], "training_batch_size": config["batch"]}
            values |= {"optimizer": config["optimizer"], "weight_decay": config["weight_decay"]}
            rows.append((config["model"], values, np.array(curve[:EPOCHS])))
        return cls(rows)

    @property
    def best(self) -> float:
        return max(float(curve.max()) for _, _, curve in self.rows)

    def curve(self, model: str, values: Mapping[str, Any]) -> np.ndarray:
        return next(curve for name, own, curve in self.rows if (name, dict(own)) == (model, dict(values)))

    def epoch_cost(self, model: str, values: Mapping[str, Any]) -> float:  # noqa: ARG002
        return 1.0

    def space(self) -> Space:
        """The ranges that the trainings were drawn from; a model's default is a usual one."""
        parameters = {
            "optimizer": choice("sgd", "adam", "adamw"),
            "learning_rate": Distribution(kind="loguniform", low=1e-5, high=1.0),
            "training_batch_size": choice(*BATCHES),
            "weight_decay": Distribution(kind="loguniform", low=1e-6, high=1e-1),
        }
        models = tuple(dict.fromkeys(model for model, _, _ in self.rows))
        own = {"optimizer": "sgd", "learning_rate": 0.01, "training_batch_size": 32, "weight_decay": 1e-4}
        defaults = {model: ModelDefaults(values={**own, "number_of_epochs": EPOCHS}) for model in models}
        return Space(groups=(Group(models=models, parameters=parameters),), defaults=defaults, score=ACCURACY)


@dataclass(frozen=True)
class Nearest:
    """A sampler whose suggestions become the training nearest to them, of those that no trial has."""

    sampler: Sampler
    table: Table

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        wanted = self.sampler.suggest(number, trials)
        tried = [(trial.record.model, dict(trial.record.values)) for trial in trials]
        left = [(model, values) for model, values, _ in self.table.rows if (model, dict(values)) not in tried]
        if wanted is None or not left:
            return None
        model, values = min(left, key=lambda row: self._distance(wanted, *row))
        return replace(wanted, model=model, values=values)

    def _distance(self, wanted: Suggestion, model: str, values: Mapping[str, Any]) -> float:
        ratio = {
            name: abs(math.log10(values[name] / wanted.values[name])) for name in ("learning_rate", "weight_decay")
        }
        other = 10 * (model != wanted.model) + (values["optimizer"] != wanted.values["optimizer"])
        return other + ratio["learning_rate"] + 0.2 * ratio["weight_decay"]


class AsMeasured(Sweep):
    """A sweep on real curves, which have their own noise."""

    def measured(self, number: int) -> np.ndarray:
        record = self.trials[number - 1].record
        return self.curves.curve(record.model, record.values)


def real_curves(path: Path, seeds: int) -> None:
    table = Table.read(path)
    space, budgets = table.space(), (1, 2, 3, 5, 8)
    print(f"\n{len(table.rows)} real curves, {table.best:.3f} the best; regret x 100, mean over {seeds} orders\n")
    print("| | " + " | ".join(f"{budget:g} trainings" for budget in budgets) + " |")
    print("|---|" + "---|" * len(budgets))
    for name, request in (("none", NONE), ("bandit", BANDIT), ("halving", HALVING)):
        for sampler in ("random", "auto"):
            regrets = []
            for seed in range(seeds):
                proposer = Nearest(sampler_of(SamplerRequest(name=sampler, seed=seed), space), table)
                sweep = AsMeasured(table, space, proposer, termination_of(request, space), seed=seed)
                row = []
                for budget in budgets:
                    sweep.run(budget * EPOCHS)
                    row.append(100 * (table.best - max(trial.best() or 0 for trial in sweep.trials)))
                regrets.append(row)
            mean = np.mean(regrets, axis=0)
            print(f"| {sampler}, {name} | " + " | ".join(f"{value:.2f}" for value in mean) + " |", flush=True)


def suggestion_time(trials: int = 300, repeats: int = 5) -> None:
    """CPU milliseconds of a suggestion of the default search after so many trials."""
    space = default_space()
    sampler, sobol = (sampler_of(SamplerRequest(name=name), space) for name in ("auto", "sobol"))
    past = []
    for number in range(1, trials + 1):
        drawn = sobol.suggest(number, [])
        assert drawn is not None
        record = TrialRecord(
            number=number,
            group=drawn.group,
            model=drawn.model,
            values=drawn.values,
            why="sobol",
            epochs=EPOCHS,
            threads=1,
        )
        scores = Surface(0).curve(drawn.model, drawn.values)
        evaluations = tuple(Evaluation(epochs=at, score=float(score)) for at, score in enumerate(scores, 1))
        past.append(Trial(record=record, state=TrialState(status="completed"), evaluations=evaluations))
    sampler.suggest(trials + 1, past)
    times = []
    for repeat in range(repeats):
        began = time.process_time()
        sampler.suggest(trials + 5 + 4 * repeat + 1, past)
        times.append(1000 * (time.process_time() - began))
    print(f"\n{statistics.median(times):.0f} ms CPU for a suggestion after {trials} trials (goal: under 100)")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--budgets", default="10,20")
    parser.add_argument("--curves", type=Path, default=os.environ.get("VISTRY_LEARNING_CURVES"))
    parser.add_argument("--only", default="", help="the methods that have this in their names")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    surfaces(arguments.seeds, [float(budget) for budget in arguments.budgets.split(",")], arguments.only)
    if arguments.curves:
        real_curves(Path(arguments.curves), 10 * arguments.seeds)
    suggestion_time()


if __name__ == "__main__":
    main()
