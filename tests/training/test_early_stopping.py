"""Early stopping and the best epoch, against hand-played sequences."""

from __future__ import annotations

from vistry.training.early_stopping import EarlyStopping


def _epochs_run(scores: list[float], **settings: int) -> int:
    best = EarlyStopping(**{"enabled": True, "patience": 5, "delay": 5, **settings})
    for epoch, score in enumerate(scores):
        best.observe(epoch, score)
        if best.should_stop:
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
    best = EarlyStopping(True, 5, 5)
    assert [best.observe(epoch, score) for epoch, score in enumerate([0.5, 0.7, 0.7])] == [True, True, False]
    assert (best.epoch, best.score) == (1, 0.7)


def test_a_score_of_zero_is_a_first_best() -> None:
    best = EarlyStopping(True, 5, 5)
    assert best.observe(0, 0.0)
    assert best.epoch == 0
