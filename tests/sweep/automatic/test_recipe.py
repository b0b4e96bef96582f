"""The recipe of a small data set, by cases worked out by hand."""

from __future__ import annotations

import pytest
from vistry.sweep.automatic.recipe import Defaults, recipe

SGD = Defaults(batch=78, learning_rate=0.01, is_adaptive=False)


@pytest.mark.parametrize(
    ("images", "batch", "epochs"),
    [(260, 16, 31), (100, 8, 40), (40, 8, 60), (1_600, 64, 20), (5_000, 64, 26), (100_000, 64, 8)],
)
def test_batch_and_epochs_follow_from_the_images(images: int, batch: int, epochs: int) -> None:
    found = recipe(SGD, images, (1, 1), 0.1, None)
    assert (found.training_batch_size, found.number_of_epochs) == (batch, epochs)
    assert found.learning_rate == pytest.approx(0.01 * batch / 78)


def test_an_adaptive_rate_goes_with_the_root_and_a_detectors_batch_stays() -> None:
    adam = recipe(Defaults(batch=64, learning_rate=0.001, is_adaptive=True), 260, (1, 1), 0.1, None)
    assert adam.learning_rate == pytest.approx(0.001 / 2)
    detector = recipe(Defaults(batch=2, learning_rate=0.005, is_adaptive=False, keeps_batch=True), 100, (), 1, None)
    assert (detector.training_batch_size, detector.learning_rate, detector.number_of_epochs) == (2, 0.005, 10)


def test_one_training_takes_a_quarter_of_the_time() -> None:
    # 260 images in batches of 16 are 17 updates; at 16/78 of 0.78 s each an epoch takes 2.72 s.
    cut = recipe(SGD, 260, (130, 130), 0.78, 120)
    assert cut.number_of_epochs == int(30 / 2.72)
    assert "a quarter of the time" in cut.reasons[1]
    assert recipe(SGD, 260, (130, 130), 0.78, 0.1).number_of_epochs == 1


@pytest.mark.parametrize(("counts", "weighted"), [((50, 10), 0), ((51, 10), 1), ((51, 0, 51), 0), ((), 0)])
def test_the_loss_is_weighted_where_a_class_is_rare(counts: tuple[int, ...], weighted: int) -> None:
    found = recipe(SGD, 260, counts, 0.1, None)
    assert found.weighted_loss == weighted
    assert any("weighted loss" in reason for reason in found.reasons) == bool(weighted)
