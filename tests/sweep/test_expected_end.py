from __future__ import annotations

from collections.abc import Callable

import pytest
from vistry.sweep.expected_end import ExpectedEnd
from vistry.sweep.space import Score
from vistry.sweep.trial import Trial

ACCURACY = Score(metric="accuracy", limit=1.0)

Make = Callable[..., Trial]


def test_of_what_is_missing_a_trial_gains_as_much_as_the_default_did(trial: Make) -> None:
    default = trial(1, [0.2, 0.2, 0.4] + [0.7] * 24, status="completed", why="default of model")
    new = trial(2, [0.5, 0.6, 0.55])
    # The default went from .4 to .7, half of the way to 1; so .6 becomes .8.
    assert ExpectedEnd([default, new], ACCURACY).of(new) == pytest.approx(0.8)
    assert ExpectedEnd([default, new], ACCURACY).of(new, after=1) == pytest.approx(0.5 + 0.5 * 0.5 / 0.8)


def test_the_default_itself_ends_where_it_ended(trial: Make) -> None:
    default = trial(1, [0.2, 0.2, 0.4] + [0.7] * 24, status="completed", why="default of model")
    for after in range(1, 28):
        assert ExpectedEnd([default], ACCURACY).of(default, after=after) == pytest.approx(0.7)


def test_it_is_the_best_alone_where_nothing_better_is_known(trial: Make) -> None:
    new = trial(2, [0.5, 0.4])
    unfinished = trial(1, [0.2, 0.9], why="default of model")
    other = trial(3, [0.2] * 27, status="completed", why="default of other", model="f/other")
    perfect = trial(4, [1.0] * 27, status="completed", why="default of model")
    for trials in ([], [unfinished], [other], [perfect]):
        assert ExpectedEnd(trials, ACCURACY).of(new) == 0.5
    ended = trial(1, [0.2] * 26 + [0.9], status="completed", why="default of model")
    assert ExpectedEnd([ended], Score(metric="loss", limit=0.0)).of(new) == 0.5
    assert ExpectedEnd([ended], ACCURACY).of(trial(5, [])) is None
    assert ExpectedEnd([ended], ACCURACY).of(trial(5, [float("nan")])) is None


def test_shares_count_and_not_epochs(trial: Make) -> None:
    default = trial(1, [0.4] * 5 + [0.7] * 5, epochs=10, status="completed", why="default of model")
    assert ExpectedEnd([default], ACCURACY).of(trial(2, [0.6] * 10, epochs=20)) == pytest.approx(0.8)
    assert ExpectedEnd([default], ACCURACY).of(trial(2, [0.6] * 11, epochs=20)) == pytest.approx(0.6)
