from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from vistry.errors import VistryError
from vistry.sweep.coordinates import Coordinates
from vistry.sweep.distribution import Distribution
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers import SAMPLERS, bayesian, sampler_note, sampler_of
from vistry.sweep.samplers.drawing import seed_of
from vistry.sweep.samplers.grid import Grid
from vistry.sweep.space import Group, ModelDefaults, Score, Space, Suggestion
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState


def choice(*choices: Any) -> Distribution:
    return Distribution(kind="choice", choices=choices)


FINITE = Space(
    groups=(
        Group(models=("f/a", "f/b"), parameters={"optimizer": choice("sgd", "adamw"), "batch": choice(8, 16, 32)}),
        Group(models=("f/c",), parameters={"optimizer": choice("sgd"), "momentum": choice(0.0, 0.9)}),
    ),
    defaults={
        name: ModelDefaults(values={"optimizer": "sgd", "batch": 16, "momentum": 0.9}) for name in ("f/a", "f/b", "f/c")
    },
)
ENDLESS = Space(
    groups=(
        Group(
            models=("f/a", "f/b"),
            parameters={
                "x": Distribution(kind="uniform", low=0.0, high=1.0),
                "y": Distribution(kind="loguniform", low=1e-4, high=1.0),
                "optimizer": choice("sgd", "adamw"),
            },
        ),
    ),
    defaults={name: ModelDefaults(values={"x": 0.5, "y": 0.01, "optimizer": "sgd"}) for name in ("f/a", "f/b")},
    score=Score(metric="accuracy", limit=1.0),
)


def as_trial(number: int, suggestion: Suggestion, score: float | None = 0.5, status: str = "completed") -> Trial:
    evaluations = () if score is None else (Evaluation(epochs=9, score=score),)
    record = TrialRecord(number=number, **vars(suggestion), epochs=9, threads=1)
    return Trial(record=record, state=TrialState(status=status), evaluations=evaluations)


def searched(
    name: str, space: Space, count: int, score: Callable[[Suggestion], float] = lambda _: 0.5, seed: int = 0
) -> list[Suggestion]:
    sampler, trials = sampler_of(SamplerRequest(name=name, seed=seed), space), list[Trial]()
    suggestions = []
    for number in range(1, count + 1):
        suggestion = sampler.suggest(number, trials)
        if suggestion is None:
            break
        suggestions.append(suggestion)
        trials.append(as_trial(number, suggestion, score(suggestion)))
    return suggestions


def keys(suggestions: list[Suggestion]) -> set[str]:
    return {json.dumps([one.group, one.model, one.values], sort_keys=True) for one in suggestions}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_space_with_an_end_is_tried_out_and_no_more(name: str) -> None:
    suggestions = searched(name, FINITE, 60)
    assert len(keys(suggestions)) == 2 * 6 + 2
    if name == "grid":
        assert len(suggestions) == 14


@pytest.mark.parametrize("name", SAMPLERS)
def test_nothing_is_tried_twice_while_there_is_much_else(name: str) -> None:
    suggestions = searched(name, FINITE, 8)
    assert len(keys(suggestions)) == 8


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "grid"])
def test_a_suggestion_depends_on_seed_number_and_trials_alone(name: str) -> None:
    first, again, other = (searched(name, ENDLESS, 14, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first[5:] != other[5:]
    past = [as_trial(number, one) for number, one in enumerate(first, 1)]
    fresh = sampler_of(SamplerRequest(name=name, seed=1), ENDLESS)
    assert [fresh.suggest(number, past[: number - 1]) for number in (14, 3, 11)] == [first[13], first[2], first[10]]


def test_a_seed_is_the_same_in_every_process() -> None:
    assert seed_of(3, 7, 1) == int(hashlib.sha256(b"3/7/1").hexdigest()[:8], 16)
    numbers = range(9)
    assert len({seed_of(seed, number, attempt) for seed in numbers for number in numbers for attempt in numbers}) == 729


def test_grid_goes_through_models_and_values_in_order() -> None:
    suggestions = searched("grid", FINITE, 60)
    assert [one.model for one in suggestions] == ["f/a"] * 6 + ["f/b"] * 6 + ["f/c"] * 2
    assert [one.values["batch"] for one in suggestions[:4]] == [8, 16, 32, 8]
    assert [one.values["optimizer"] for one in suggestions[:4]] == ["sgd", "sgd", "sgd", "adamw"]
    assert Grid(FINITE).size == 14


def test_grid_of_what_has_no_end_is_an_error_with_each_name() -> None:
    with pytest.raises(VistryError, match="2 problems with the grid") as error:
        sampler_of(SamplerRequest(name="grid"), ENDLESS)
    assert "x: has no end of values, and grid tries them all; give choices, such as a,b,c" in str(error.value)


def test_an_unknown_sampler_is_an_error() -> None:
    with pytest.raises(VistryError, match="there is no sampler 'soboll'; did you mean 'sobol'"):
        sampler_of(SamplerRequest(name="soboll"), FINITE)


def test_sobol_leaves_fewer_gaps_than_random() -> None:
    def largest_gap(name: str) -> float:
        drawn = sorted(float(str(one.values["x"])) for one in searched(name, ENDLESS, 32))
        return float(np.diff([0.0, *drawn, 1.0]).max())

    assert largest_gap("sobol") < 2 / 32
    assert largest_gap("random") > 2 / 32


def test_auto_tries_the_defaults_first_then_sobol_then_learns_and_surprises() -> None:
    suggestions = searched("auto", ENDLESS, 20)
    assert [one.why for one in suggestions[:2]] == ["default of a", "default of b"]
    assert suggestions[0].values == {"x": 0.5, "y": 0.01, "optimizer": "sgd"}
    assert [one.why for one in suggestions[2:10]] == ["sobol"] * 8
    assert [one.why for one in suggestions[10:]] == ["random" if number % 4 == 0 else "tpe" for number in range(11, 21)]


def test_a_default_that_the_space_lacks_is_said() -> None:
    narrow = replace(ENDLESS.groups[0], parameters={"x": Distribution(kind="uniform", low=0.6, high=1.0)})
    first = searched("auto", replace(ENDLESS, groups=(narrow,)), 1)[0]
    assert first.why == "default of a, as near as the space allows"
    assert first.values == {"x": 0.6}


def test_two_groups_that_allow_one_default_try_it_once() -> None:
    twice = replace(ENDLESS, groups=(ENDLESS.groups[0], ENDLESS.groups[0]))
    defaults = [one for one in searched("auto", twice, 6) if one.why.startswith("default of")]
    assert [one.model for one in defaults] == ["f/a", "f/b"]


@pytest.mark.parametrize("name", ["auto", "bayesian"])
def test_what_learns_comes_to_the_better_half(name: str) -> None:
    def score(one: Suggestion) -> float:
        x = float(str(one.values["x"]))
        return 0.9 - abs(x - 0.8) - 0.3 * (one.values["optimizer"] == "sgd") - 0.3 * (one.model == "f/a")

    late = [one for one in searched(name, ENDLESS, 40, score)[20:] if one.why == "tpe"]
    assert np.mean([abs(float(str(one.values["x"])) - 0.8) for one in late]) < 0.15
    assert np.mean([one.values["optimizer"] == "adamw" and one.model == "f/b" for one in late]) > 0.6


def surroundings(status: str, score: float | None) -> float:
    """How often the estimator goes to x > 0.5, where half the trials are so, and the others have scores around 0.5."""
    random, trials = np.random.default_rng(0), []
    for number in range(1, 25):
        x = (number % 2 + random.random()) / 2
        values = {"x": float(x), "y": 0.01, "optimizer": "sgd"}
        suggestion = Suggestion(group=0, model="f/a", values=values, why="random")
        there = x > 0.5
        trials.append(
            as_trial(
                number, suggestion, score if there else 0.5 + random.random() / 100, status if there else "completed"
            )
        )
    sampler = sampler_of(SamplerRequest(name="bayesian"), ENDLESS)
    drawn = [sampler.suggest(number, trials) for number in range(25, 45)]
    return float(np.mean([float(str(one.values["x"])) > 0.5 for one in drawn if one]))


def test_where_trials_failed_the_estimator_goes_no_more() -> None:
    assert surroundings("failed", None) < 0.25
    assert surroundings("failed", 0.9) < 0.25, "whatever it had before"


def test_a_running_trial_counts_and_what_has_no_score_doesnt() -> None:
    assert surroundings("running", None) < 0.4, "others run there already"
    skipped = as_trial(1, searched("sobol", ENDLESS, 1)[0], None, "skipped")
    coordinates = Coordinates(ENDLESS)
    assert bayesian._past(coordinates, [skipped], bayesian._distributions(coordinates)) == []


def test_what_is_fed_is_the_expected_end() -> None:
    default = Suggestion(group=0, model="f/a", values={"x": 0.5, "y": 0.01, "optimizer": "sgd"}, why="default of a")
    ended = as_trial(1, default, 0.8)
    ended = replace(ended, evaluations=(Evaluation(epochs=1, score=0.6), Evaluation(epochs=9, score=0.8)))
    paused = as_trial(2, replace(default, why="sobol", values={**default.values, "x": 0.1}), 0.7, "paused")
    paused = replace(paused, evaluations=(Evaluation(epochs=1, score=0.7),))
    coordinates = Coordinates(ENDLESS)
    past = bayesian._past(coordinates, [ended, paused], bayesian._distributions(coordinates))
    assert [one.value for one in past] == [0.8, pytest.approx(0.85)]


def test_bayesian_on_a_space_of_constants_and_of_one_label() -> None:
    space = Space(groups=(Group(models=("f/a",), parameters={"batch": choice(8)}),), defaults={})
    assert [one.values for one in searched("bayesian", space, 5)] == [{"batch": 8}]


def test_without_optuna_auto_goes_on_by_sobol_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sampler_note(SamplerRequest(name="auto")) == ""
    monkeypatch.setattr(bayesian, "is_installed", lambda: False)
    assert {one.why for one in searched("auto", ENDLESS, 16)[2:]} == {"sobol"}
    assert sampler_note(SamplerRequest(name="auto")).startswith(
        "Optuna isn't installed, so trials are taken from Sobol's"
    )
    assert "pip install 'vistry[sweep]'" in sampler_note(SamplerRequest(name="auto"))
    assert sampler_note(SamplerRequest(name="random")) == ""
    with pytest.raises(VistryError, match=r"bayesian sampling is Optuna's.*pip install 'vistry\[sweep\]'"):
        sampler_of(SamplerRequest(name="bayesian"), ENDLESS)


def test_a_space_can_be_read_back(tmp_path: Any) -> None:
    assert json.loads(json.dumps(asdict(ENDLESS)))["score"] == {"metric": "accuracy", "is_negated": False, "limit": 1.0}
