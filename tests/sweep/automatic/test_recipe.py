"""The recipe of a small data set, by cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from vistry.sweep.automatic.recipe import Defaults, rate_factor, recipe

TABLE = Defaults(batch=78)


@pytest.mark.parametrize(
    ("images", "batch", "epochs"),
    [(260, 16, 31), (100, 16, 60), (40, 16, 60), (1_600, 64, 20), (5_000, 64, 26), (100_000, 64, 8)],
)
def test_batch_and_epochs_follow_from_the_images(images: int, batch: int, epochs: int) -> None:
    found = recipe(TABLE, images, (1, 1), 0.1, None)
    assert (found.training_batch_size, found.number_of_epochs) == (batch, epochs)


def test_a_rate_goes_with_the_batch_or_its_root_and_a_detectors_batch_stays() -> None:
    assert rate_factor(TABLE, 39, is_adaptive=False) == pytest.approx(1 / 2)
    assert rate_factor(Defaults(batch=64), 16, is_adaptive=True) == pytest.approx(1 / 2)
    detector = recipe(Defaults(batch=2, keeps_batch=True), 100, (), 1, None)
    assert (detector.training_batch_size, detector.number_of_epochs) == (2, 10)


def test_one_training_takes_a_quarter_of_the_time() -> None:
    cut = recipe(TABLE, 260, (130, 130), 2.72, 120)
    assert cut.number_of_epochs == int(30 / 2.72)
    assert "a quarter of the time" in cut.reasons[1]
    assert recipe(TABLE, 260, (130, 130), 2.72, 0.1).number_of_epochs == 1


def test_where_a_quarter_is_less_than_a_models_own_epochs_it_takes_up_to_three() -> None:
    table = replace(TABLE, epochs=15, warm_up_epochs=2)
    slow = recipe(table, 260, (130, 130), 10, 320)  # a quarter would be 8 epochs
    assert (slow.number_of_epochs, slow.warm_up_epochs) == (15, 2)
    slower = recipe(table, 260, (130, 130), 30, 200)
    assert (slower.number_of_epochs, slower.warm_up_epochs) == (5, 1)
    assert "up to three quarters" in slower.reasons[1]


@pytest.mark.parametrize(("counts", "weighted"), [((50, 10), 0), ((51, 10), 1), ((51, 0, 51), 0), ((), 0)])
def test_the_loss_is_weighted_where_a_class_is_rare(counts: tuple[int, ...], weighted: int) -> None:
    found = recipe(TABLE, 260, counts, 0.1, None)
    assert found.weighted_loss == weighted
    assert any("weighted loss" in reason for reason in found.reasons) == bool(weighted)
