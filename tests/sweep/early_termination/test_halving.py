from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.sweep.distribution import Distribution
from vistry.sweep.early_termination import termination_of
from vistry.sweep.early_termination.halving import Halving
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Group, ModelDefaults, Score, Space
from vistry.sweep.trial import Trial

ACCURACY = Score(metric="accuracy", limit=1.0)
HALVING = Halving(score=ACCURACY)

Make = Callable[..., Trial]


@pytest.mark.parametrize(
    ("epochs", "rungs"),
    [(27, (3, 9, 27)), (9, (1, 3, 9)), (10, (2, 4, 10)), (15, (2, 5, 15)), (2, (1, 1, 2)), (1, (1, 1, 1))],
)
def test_rungs_are_a_ninth_and_a_third_rounded_up(epochs: int, rungs: tuple[int, ...]) -> None:
    assert HALVING.rungs(epochs) == rungs
    assert HALVING.first_rung(epochs) == rungs[0]


@given(epochs=st.integers(1, 400), earliest=st.integers(1, 20), frequency=st.integers(1, 9))
def test_rungs_rise_to_the_end_and_are_evaluated(epochs: int, earliest: int, frequency: int) -> None:
    rungs = Halving(score=ACCURACY, earliest=earliest, frequency=frequency).rungs(epochs)
    assert list(rungs) == sorted(rungs)
    assert rungs[-1] == epochs
    assert all(rung == epochs or (rung % frequency == 0 and rung >= earliest) for rung in rungs)


def space(**defaults: object) -> Space:
    schedule = Distribution(kind="choice", choices=("warmup_cosine", "step"))
    group = Group(models=("family/model",), parameters={"learning_rate_scheduler": schedule} if not defaults else {})
    values = {"warmup_cosine_lr_warmup_epochs": 2, "learning_rate_scheduler": "step", "evaluation_frequency": 1}
    return Space(groups=(group,), defaults={"family/model": ModelDefaults(values={**values, **defaults})})  # type: ignore[dict-item]


def test_the_first_rung_comes_after_the_warm_up_and_one_evaluation() -> None:
    request = TerminationRequest()
    assert termination_of(request, space(learning_rate_scheduler="warmup_cosine")).first_rung(9) == 3
    assert termination_of(request, space(learning_rate_scheduler="step")).first_rung(9) == 1
    assert termination_of(request, space()).first_rung(9) == 3, "one of the schedules that are drawn warms up"
    longer = space(learning_rate_scheduler="warmup_cosine", warmup_cosine_lr_warmup_epochs=4, evaluation_frequency=3)
    assert termination_of(request, longer).first_rung(27) == 9, "4 + 3 epochs, and an evaluation after every third"


def test_a_trial_is_paused_at_its_rung_with_the_numbers_that_decide(trial: Make) -> None:
    others = [trial(2, [0.6] * 3, status="paused"), trial(3, [0.4] * 3, status="paused")]
    new = trial(4, [0.2, 0.5, 0.45], until=3)
    verdict = HALVING.verdict(new, [*others, new])
    assert verdict is not None
    assert verdict.action == "pause"
    assert verdict.reason == "0.5 after 3 of 27 epochs: place 2 of 3, and the best 1 go on"


def test_there_is_no_verdict_but_at_a_rung(trial: Make) -> None:
    paused = [count for count in range(1, 28) if HALVING.verdict(trial(1, [0.5] * count), [])]
    assert paused == [3, 9]


def test_a_trial_may_pass_a_rung_below_its_goal(trial: Make) -> None:
    assert HALVING.verdict(trial(1, [0.5] * 9, until=27), []) is None
    assert HALVING.verdict(trial(1, [0.5] * 9, until=9), []) is not None


def test_a_rung_between_two_evaluations_counts_at_the_second(trial: Make) -> None:
    assert HALVING.verdict(trial(1, [0.5], at=[2]), []) is None
    assert HALVING.verdict(trial(1, [0.5, 0.5], at=[2, 4]), []) is not None
    assert HALVING.verdict(trial(1, [0.5, 0.5, 0.6], at=[2, 4, 6]), []) is None


def test_a_default_runs_to_its_end(trial: Make) -> None:
    for count in range(1, 28):
        assert HALVING.verdict(trial(1, [0.01] * count, why="default of model"), [trial(2, [0.9] * 27)]) is None


def test_the_best_third_of_a_rung_goes_on_the_higher_rung_first(trial: Make) -> None:
    low = [trial(number, [score] * 3, status="paused") for number, score in enumerate((0.1, 0.5, 0.3), 1)]
    assert HALVING.promoted(low[:2]) is None, "a third of two is nobody"
    assert HALVING.promoted(low) == (2, 9)
    high = [trial(number, [score] * 9, status="paused") for number, score in enumerate((0.2, 0.7, 0.6), 4)]
    assert HALVING.promoted([*low, *high]) == (5, 27)
    gone = [*low, trial(4, [0.9] * 9, status="paused"), *(trial(at, [0.8] * 27, status="completed") for at in (5, 6))]
    assert HALVING.promoted(gone) == (4, 27)


def test_those_who_went_on_hold_their_places(trial: Make) -> None:
    trials = [trial(1, [0.9] * 27, status="completed"), *(trial(at, [0.5] * 3, status="paused") for at in (2, 3))]
    assert HALVING.promoted(trials) is None
    assert HALVING.promoted([*trials, *(trial(at, [0.1] * 3, status="stopped") for at in (4, 5, 6))]) == (2, 9)


def test_later_scores_dont_count_at_a_rung(trial: Make) -> None:
    late = trial(1, [0.1] * 3 + [0.9] * 6, status="paused")
    trials = [late, trial(2, [0.5] * 3, status="paused"), trial(3, [0.4] * 3, status="paused")]
    assert HALVING.promoted(trials) == (2, 9)


def test_a_failed_trial_takes_no_place(trial: Make) -> None:
    failed = trial(1, [0.9] * 3, status="failed")
    trials = [failed, trial(2, [0.5] * 3, status="paused"), trial(3, [0.4] * 3, status="paused")]
    assert HALVING.promoted(trials) == (2, 9)


def test_trials_of_other_lengths_meet_at_equal_shares(trial: Make) -> None:
    trials = [
        trial(1, [0.5] * 1, status="paused", epochs=9),
        trial(2, [0.4] * 3, status="paused", epochs=27),
        trial(3, [0.3] * 2, status="paused", epochs=18),
    ]
    assert HALVING.promoted(trials) == (1, 3)


def test_models_are_compared_by_where_their_defaults_ended(trial: Make) -> None:
    # The fast one leads after 3 epochs; its default gains nothing more, while the slow one's goes from 0.3 to 0.9.
    fast = trial(1, [0.6] * 27, status="completed", model="f/fast", why="default of fast")
    slow = trial(2, [0.3] * 3 + [0.9] * 24, status="completed", model="f/slow", why="default of slow")
    rivals = [
        trial(3, [0.62] * 3, status="paused", model="f/fast"),
        trial(4, [0.35] * 3, status="paused", model="f/slow"),
    ]
    filler = [trial(number, [0.01] * 3, status="paused", model="f/fast") for number in range(5, 11)]
    assert HALVING.promoted([fast, slow, *rivals, *filler]) == (4, 9)
    raw = Halving(score=Score(metric="unbounded", limit=None))
    three = [fast, slow, *rivals, *filler, *(trial(number, [0.0] * 3, status="paused") for number in range(11, 14))]
    assert raw.promoted(three) == (3, 9), "without a largest value scores are taken as they are"
