"""The hosted product's policies, by cases that were worked out apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.errors import HyperparameterError
from vistry.sweep.early_termination import TERMINATIONS, termination_of
from vistry.sweep.early_termination.policies import Bandit
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Score, Space
from vistry.sweep.trial import Trial

VECTORS = json.loads(Path(__file__).with_name("policy_vectors.json").read_text())
RISING, FALLING = Score(metric="accuracy", limit=1.0), Score(metric="loss", is_negated=True, limit=0.0)
OWN_KEYS = ("slack_factor", "slack_amount", "truncation_percentage")

Make = Callable[..., Trial]


def stopped(case: dict[str, Any], trials: dict[str, Trial], score: Score = RISING) -> list[str]:
    own = {key: case[key] for key in OWN_KEYS if key in case}
    policy = termination_of(TerminationRequest(name=case["policy"], **own), Space(groups=(), score=score))
    there = {name: one for name, one in trials.items() if len(one.evaluations) == case["interval"]}
    return sorted(name for name, one in there.items() if policy.verdict(one, list(trials.values())))


def histories(trial: Make, interval: int, sign: int = 1) -> dict[str, Trial]:
    """The histories up to an interval: of what came later nothing counts."""
    return {
        name: trial(number, [sign * score for score in scores[:interval]])
        for number, (name, scores) in enumerate(VECTORS["histories"].items(), 1)
    }


@pytest.mark.parametrize("case", VECTORS["cases"], ids=str)
def test_the_worked_cases(case: dict[str, Any], trial: Make) -> None:
    assert stopped(case, histories(trial, case["interval"])) == case["stopped"]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=str)
def test_later_reports_of_others_dont_count(case: dict[str, Any], trial: Make) -> None:
    whole = histories(trial, 99)
    for name, one in histories(trial, case["interval"]).items():
        if len(one.evaluations) == case["interval"]:
            assert (name in stopped(case, {**whole, name: one})) == (name in case["stopped"])


@pytest.mark.parametrize("text", VECTORS["due"])
def test_when_a_policy_looks(text: str) -> None:
    interval, delay = (int(part.split()[1]) for part in text.split(", "))
    request = TerminationRequest(name="bandit", slack_factor=0.2, evaluation_interval=interval, delay_evaluation=delay)
    bandit = Bandit(request=request, score=RISING)
    assert [at for at in range(1, 13) if bandit.is_due(at)] == VECTORS["due"][text]


@pytest.mark.parametrize("case", VECTORS["bandit_limits"], ids=str)
def test_the_limit_of_bandit(case: dict[str, float]) -> None:
    bandit = Bandit(request=TerminationRequest(name="bandit", slack_factor=case["slack_factor"]), score=RISING)
    assert bandit.limit(case["best"])[0] == pytest.approx(case["limit"], abs=1e-6)


def test_bandit_looks_only_when_it_is_due(trial: Make) -> None:
    request = TerminationRequest(name="bandit", slack_factor=0.2, evaluation_interval=2, delay_evaluation=5)
    policy = termination_of(request, Space(groups=()))
    best = trial(1, [0.9] * 8)
    looked = [count for count in range(1, 9) if policy.verdict(trial(2, [0.1] * count), [best])]
    assert looked == [6, 8]


def test_the_best_never_stops_itself_whatever_its_sign(trial: Make) -> None:
    policy = termination_of(TerminationRequest(name="bandit", slack_factor=0.2), Space(groups=()))
    for score in (0.5, 0.0, -0.5, -3.0):
        assert policy.verdict(trial(1, [score]), [trial(1, [score])]) is None
    assert policy.verdict(trial(2, [-0.7]), [trial(1, [-0.5])]) is not None


def test_a_metric_that_falls_has_the_formula_of_falling_ones(trial: Make) -> None:
    # Stopped where the best is above best * 1.2, or above best + 0.1.
    factor = {"policy": "bandit", "slack_factor": 0.2, "interval": 1}
    amount = {"policy": "bandit", "slack_amount": 0.1, "interval": 1}
    losses = {"a": trial(1, [-1.0]), "b": trial(2, [-1.15]), "c": trial(3, [-1.25])}
    assert stopped(factor, losses, FALLING) == ["c"]
    assert stopped(amount, losses, FALLING) == ["b", "c"]


def test_reasons_say_the_number_that_decided(trial: Make) -> None:
    space = Space(groups=(), score=RISING)
    old, new = trial(1, [0.1, 0.8]), trial(2, [0.55, 0.5])
    bandit = termination_of(TerminationRequest(name="bandit", slack_factor=0.2), space)
    verdict = bandit.verdict(new, [old, new])
    assert verdict is not None
    assert (verdict.action, verdict.reason) == ("stop", "best 0.55 < 0.6667 = 0.8/1.2 at interval 2")
    median = termination_of(TerminationRequest(name="median_stopping"), space).verdict(new, [trial(3, [0.9, 0.9]), new])
    assert median is not None
    assert median.reason == "best 0.55 < 0.7125 = median of the means of 2 trials at interval 2"
    truncation = termination_of(TerminationRequest(name="truncation_selection", truncation_percentage=50), space)
    lowest = truncation.verdict(new, [old, new])
    assert lowest is not None
    assert lowest.reason == "best 0.55 is among the lowest 1 of 2 trials (50 %) at interval 2"
    falls = termination_of(
        TerminationRequest(name="bandit", slack_factor=0.2), Space(groups=(), score=FALLING)
    ).verdict(trial(2, [-0.9]), [trial(1, [-0.5])])
    assert falls is not None
    assert falls.reason == "best 0.9 > 0.6 = 0.5*1.2 at interval 1"


def test_equal_trials_are_all_left_by_truncation(trial: Make) -> None:
    policy = termination_of(TerminationRequest(name="truncation_selection", truncation_percentage=50), Space(groups=()))
    trials = [trial(number, [0.5]) for number in range(1, 5)]
    assert not any(policy.verdict(one, trials) for one in trials)


def test_what_is_no_number_is_the_worst(trial: Make) -> None:
    policy = termination_of(TerminationRequest(name="bandit", slack_factor=0.2), Space(groups=()))
    lost, good = trial(1, [float("nan")]), trial(2, [0.5])
    assert policy.verdict(lost, [lost, good]) is not None
    assert policy.verdict(good, [lost, good]) is None


def test_a_trial_is_judged_as_it_is_and_not_as_the_list_has_it(trial: Make) -> None:
    policy = termination_of(TerminationRequest(name="bandit", slack_factor=0.2), Space(groups=()))
    assert policy.verdict(trial(1, [0.5, 0.9]), [trial(1, [0.5]), trial(2, [0.9, 0.9])]) is None


WRONG = [
    ({"name": "bandti"}, "type: there is no early termination 'bandti'; did you mean 'bandit'?"),
    ({"name": "bandit"}, "slack_factor: bandit takes one of slack_factor and slack_amount, and has neither"),
    ({"name": "bandit", "slack_factor": 0.1, "slack_amount": 0.1}, "and has both"),
    ({"name": "bandit", "slack_factor": -0.1}, "slack_factor: -0.1 must be a number of at least 0"),
    ({"name": "bandit", "slack_amount": float("nan")}, "slack_amount: nan must be a number of at least 0"),
    ({"name": "median_stopping", "delay_evaluation": -1}, "delay_evaluation: -1 must be an integer of at least 0"),
    ({"name": "median_stopping", "slack_factor": 0.1}, "slack_factor: has no meaning for median_stopping"),
    ({"name": "halving", "delay_evaluation": 5}, "delay_evaluation: has no meaning for halving"),
    ({"name": "none", "truncation_percentage": 20}, "truncation_percentage: has no meaning for none"),
    ({"name": "truncation_selection"}, "truncation_percentage: is missing; it must be an integer in [1, 99]"),
    ({"name": "truncation_selection", "truncation_percentage": 100}, "100 isn't possible"),
    ({"name": "truncation_selection", "truncation_percentage": 12.5}, "12.5 isn't possible"),
    ({"name": "truncation_selection", "truncation_percentage": 0}, "0 isn't possible"),
]


@pytest.mark.parametrize(("request_", "message"), WRONG, ids=str)
def test_what_no_termination_can_be(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperparameterError, match="problem.* with the early termination") as error:
        termination_of(TerminationRequest(**request_), Space(groups=()))
    assert message in str(error.value)


def test_every_problem_is_told_at_once() -> None:
    request = TerminationRequest(name="bandit", evaluation_interval=-1, delay_evaluation=-1, truncation_percentage=5)
    with pytest.raises(HyperparameterError, match="4 problems"):
        termination_of(request, Space(groups=()))


@pytest.mark.parametrize("name", TERMINATIONS)
def test_each_name_makes_a_termination(name: str) -> None:
    own = {"bandit": {"slack_factor": 0.2}, "truncation_selection": {"truncation_percentage": 20}}
    termination = termination_of(TerminationRequest(name=name, **own.get(name, {})), Space(groups=()))
    assert termination.promoted([]) is None
    assert termination.first_rung(27) == (3 if name == "halving" else 27)
