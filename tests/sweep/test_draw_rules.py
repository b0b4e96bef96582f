"""Draws whose values don't go together are never trained: of random spaces, held against rules written here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from vistry.errors import HyperparameterError, Problem
from vistry.registry.catalogue import Catalogue
from vistry.sweep import draw_rules
from vistry.sweep.distribution import Distribution
from vistry.sweep.draw_rules import DrawRules
from vistry.sweep.folder import SweepFolder
from vistry.sweep.session import plan_sweep, work_on
from vistry.sweep.space import Suggestion
from vistry.training.model_context import ModelContext

from tests.sweep.conftest import MakeRequest
from tests.sweep.runners import Pretending
from tests.sweep.test_worker import rising

Begin = Callable[..., SweepFolder]
# Names that rules tie together, some of their values, and whether they may stand together, by what the pages say.
TIED: Mapping[str, tuple[dict[str, tuple[Any, ...]], Callable[..., bool]]] = {
    "nesterov": (
        {"optimizer": ("sgd", "adamw"), "nesterov": (False, True), "momentum": (0.0, 0.5, 0.9)},
        lambda optimizer, nesterov, momentum: optimizer != "sgd" or not nesterov or momentum > 0,
    ),
    "beta1": (
        {"optimizer": ("sgd", "adam", "adamw"), "beta1": (0.5, 0.9, 1.0)},
        lambda optimizer, beta1: optimizer == "sgd" or beta1 < 1,
    ),
    "beta2": (
        {"optimizer": ("sgd", "adam", "adamw"), "beta2": (0.9, 1.0)},
        lambda optimizer, beta2: optimizer == "sgd" or beta2 < 1,
    ),
}


def cases() -> list[tuple[int, str]]:
    """A seed and a rule of each case."""
    return [(seed, rule) for seed in range(3) for rule in TIED]


def space_of_case(seed: int, rule: str) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """What is fixed, and from which choices the rest is drawn: at least two names have more than one value."""
    names, _ = TIED[rule]
    generator = random.Random(f"{seed}{rule}")
    chosen: dict[str, tuple[Any, ...]] = {}
    while sum(len(values) > 1 for values in chosen.values()) < 2:
        chosen = {
            name: tuple(sorted(generator.sample(values, generator.randint(1, len(values)))))
            for name, values in names.items()
        }
    fixed = {name: values[0] for name, values in chosen.items() if len(values) == 1}
    return fixed, {name: values for name, values in chosen.items() if len(values) > 1}


def options_of_case(seed: int, rule: str) -> dict[str, Any]:
    fixed, drawn = space_of_case(seed, rule)
    return {
        "fixed": fixed,
        "drawn": {name: Distribution(kind="choice", choices=values) for name, values in drawn.items()},
        "stopping": "none",
    }


def allowed(rule: str, values: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    names, may_be = TIED[rule]
    every = {**fixed, **values}
    return may_be(**{name: every[name] for name in names})


@pytest.mark.parametrize(("seed", "rule"), cases())
def test_every_point_of_a_grid_is_trained_or_skipped_and_counted(begun: Begin, seed: int, rule: str) -> None:
    fixed, drawn = space_of_case(seed, rule)
    points = [dict(zip(drawn, values, strict=True)) for values in product(*drawn.values())]
    good = [point for point in points if allowed(rule, point, fixed)]
    if not good:
        with pytest.raises(HyperparameterError):
            begun(sampler="grid", max_trials=100, **options_of_case(seed, rule))
        return
    sweep = begun(sampler="grid", max_trials=100, **options_of_case(seed, rule))
    lines: list[str] = []
    result = work_on(sweep, runner=Pretending(rising), say=lines.append)
    tried = {"completed": [], "skipped": []}  # type: dict[str, list[dict[str, Any]]]
    for trial in sweep.trials():
        tried[trial.state.status].append({name: trial.record.values[name] for name in drawn})
    assert tried["completed"] == good
    assert len(tried["completed"]) + len(tried["skipped"]) == len(points)
    if len(good) < len(points):
        assert f"{len(points) - len(good)} more w" in result.reason
        assert any("is skipped, and not counted" in line for line in lines)


@pytest.mark.parametrize("sampler", ["random", "sobol", "auto"])
@pytest.mark.parametrize("rule", TIED)
def test_no_sampler_trains_what_breaks_a_rule_and_each_trains_as_many_as_are_wanted(
    begun: Begin, sampler: str, rule: str
) -> None:
    options = options_of_case(1, rule)
    options["drawn"]["learning_rate"] = Distribution(kind="loguniform", low=0.001, high=0.1)
    first, second = (begun(sampler=sampler, max_trials=8, **options) for _ in range(2))
    for sweep in (first, second):
        work_on(sweep, runner=Pretending(rising))
    trained = [trial.record for trial in first.trials() if trial.state.status == "completed"]
    assert len(trained) == 8
    assert all(allowed(rule, record.values, {}) for record in trained)
    # By number, whoever draws: the second process has the same trials.
    assert [trial.record for trial in first.trials()] == [trial.record for trial in second.trials()]


def test_how_many_points_are_skipped_is_said_before_any_work(request_of: MakeRequest, folders: Path) -> None:
    drawn = {
        "optimizer": Distribution(kind="choice", choices=("sgd", "adamw")),
        "beta1": Distribution(kind="choice", choices=(0.9, 1.0)),
    }
    notes = plan_sweep(request_of(sampler="grid", drawn=drawn)).notes
    assert any(
        note.startswith("1 of 4 points of the grid of tiny break a rule; such are skipped and not counted, as with ")
        and "must be below 1 for adam and adamw" in note
        for note in notes
    )


def test_a_plugin_s_own_rule_counts_as_core_s_does(
    begun: Begin, request_of: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hook refuses momentum below 0.6 with large batches, whatever core thinks of that."""

    def problems(self: ModelContext, values: Any) -> list[Problem]:
        if values.momentum < 0.6 and values.training_batch_size > 8:
            return [Problem("momentum", "is too low for so large a batch", plugin="tiny")]
        return []

    monkeypatch.setattr(ModelContext, "problems", problems)
    drawn = {
        "momentum": Distribution(kind="choice", choices=(0.5, 0.9)),
        "training_batch_size": Distribution(kind="choice", choices=(4, 16)),
    }
    sweep = begun(sampler="grid", max_trials=9, drawn=drawn, stopping="none")
    work_on(sweep, runner=Pretending(rising))
    [skipped] = [trial for trial in sweep.trials() if trial.state.status == "skipped"]
    assert (skipped.record.values["momentum"], skipped.record.values["training_batch_size"]) == (0.5, 16)
    assert skipped.state.reason == "momentum: is too low for so large a batch, says the plugin 'tiny'"
    with pytest.raises(HyperparameterError, match="each of 2 draws of tiny breaks a rule, so none can be trained"):
        plan_sweep(request_of(drawn={"momentum": Distribution(kind="choice", choices=(0.1, 0.5))}))


def test_a_model_that_cant_be_had_is_no_broken_rule(tiny_plugin: None) -> None:
    rules = DrawRules(Catalogue.read(), "image_classification", "torch")
    draw = Suggestion(group=0, model="tiny/tiny", values={}, why="a test")
    assert rules.problems(draw) == ()
    assert rules.problems(replace(draw, model="gone/gone")) == ()
    assert draw_rules.TRIED < 100
