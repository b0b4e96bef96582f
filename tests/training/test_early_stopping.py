"""Early stopping and the best epoch, against hand-played sequences."""

from __future__ import annotations

from vistry.training.early_stopping import EarlyStopping


def _epochs_run(scores: list[float], **settings: int) -> int:
    stopping = EarlyStopping(**{"enabled": True, "patience": 5, "delay": 5, **settings})
    for epoch, score in enumerate(scores):
        stopping.update(epoch, score)
        if stopping.should_stop:
            return epoch + 1
    return len(scores)


def test_defaults_stop_after_the_tenth_epoch_without_improvement() -> None:
    assert _epochs_run([0.5] + [0.4] * 30) == 10


def test_patience_counts_evaluations_without_improvement() -> None:
    assert _epochs_run([0.5] + [0.4] * 30, patience=2) == 7


def test_delay_waits_before_counting() -> None:
    assert _epochs_run([0.5] + [0.4] * 30, delay=8) == 13


def test_improvement_starts_the_count_again() -> None:
    assert _epochs_run([0.5, 0.4, 0.4, 0.6, 0.4, 0.4, 0.4], patience=3, delay=1) == 7


def test_switched_off_it_never_stops() -> None:
    assert _epochs_run([0.5] + [0.4] * 30, enabled=False, patience=1, delay=1) == 31


def test_a_tie_keeps_the_earlier_epoch() -> None:
    stopping = EarlyStopping(enabled=True, patience=5, delay=5)
    assert [stopping.update(epoch, score) for epoch, score in enumerate([0.5, 0.7, 0.7])] == [True, True, False]
    assert (stopping.best.epoch, stopping.best.score) == (1, 0.7)


def test_a_score_of_zero_is_a_first_best() -> None:
    stopping = EarlyStopping(enabled=True, patience=5, delay=5)
    assert stopping.update(0, 0.0)
    assert stopping.best.epoch == 0


def test_without_a_score_the_latest_epoch_is_the_best_and_training_never_stops() -> None:
    stopping = EarlyStopping(enabled=True, patience=1, delay=0)
    assert [stopping.update(epoch, None) for epoch in range(5)] == [True] * 5
    assert (stopping.best.epoch, stopping.best.score) == (4, None)
    assert not stopping.should_stop
