"""Bootstrap intervals against scipy's, and every resampled metric against the metric of the images laid out anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from vistry.evaluation.bootstrap import Statistic, bootstrap_interval, mean_of_images
from vistry.evaluation.classification import multiclass_metrics, multilabel_metrics
from vistry.evaluation.classification_resampling import Resampled
from vistry.evaluation.detection.metrics import DetectionProtocol, evaluate_detections
from vistry.evaluation.detection.resampling import coco_statistic, voc_statistic
from vistry.evaluation.detection.voc import evaluate_voc, voc_values

MULTICLASS = (
    "accuracy",
    "AUC_weighted",
    "norm_macro_recall",
    "average_precision_score_weighted",
    "precision_score_weighted",
)
MULTILABEL = ("iou", *MULTICLASS)
MEAN = "mean_average_precision"


def draws(images: int, resamples: int) -> np.ndarray:
    """[R, N] how often each image is taken: all once, one alone, and at random."""
    random = np.random.default_rng(images)
    drawn = [np.bincount(random.integers(0, images, images), minlength=images) for _ in range(resamples)]
    return np.array([np.ones(images), np.eye(images)[0] * images, *drawn])


def guesses(seed: int, multilabel: bool) -> tuple[np.ndarray, np.ndarray]:
    """Truth [N, C] and probabilities [N, C] with equal ones among them; one class is in no image."""
    random = np.random.default_rng(seed)
    images, classes = 30, 4
    labels = random.integers(0, classes - 1, images)
    truth = np.eye(classes, dtype=bool)[labels]
    if multilabel:
        truth[:, : classes - 1] = random.random((images, classes - 1)) < 0.4
    scores = np.round(random.random((images, classes)) + 0.6 * truth, 1) / 2
    return truth, scores.astype(np.float32)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_figures_of_classification_are_those_of_the_images_taken(seed: int, multilabel: bool) -> None:
    truth, scores = guesses(seed, multilabel)
    resampled, counts = Resampled(truth, scores, multilabel), draws(len(truth), 4)
    expected = []
    for times in counts:
        rows = np.repeat(np.arange(len(truth)), times.astype(int))
        if multilabel:
            expected.append(multilabel_metrics(scores[rows], truth[rows].astype(np.float32)))
        else:
            expected.append(multiclass_metrics(scores[rows], truth[rows].argmax(axis=1), truth.shape[1]))
    for name in MULTILABEL if multilabel else MULTICLASS:
        statistic = resampled.statistic(name)
        assert statistic is not None
        values = [metrics.get(name, np.nan) for metrics in expected]
        np.testing.assert_allclose(statistic.of(counts), values, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("metric_type", "kind"), [("voc", "box"), ("coco", "box"), ("voc", "mask"), ("coco", "mask")])
def test_mean_average_precision_is_that_of_the_images_taken(
    scene: Callable[..., Any], metric_type: str, kind: Any, seed: int
) -> None:
    made = scene(seed, images=12, classes=3, scores=10**6, masks=kind == "mask")
    statistic = {"voc": voc_statistic, "coco": coco_statistic}[metric_type](made.truth, made.found, 0.5, kind)
    counts = draws(len(made.truth), 5)
    for found, times in zip(statistic.of(counts), counts, strict=True):
        rows = np.repeat(np.arange(len(made.truth)), times.astype(int))
        values = evaluate_detections(
            [made.truth[row] for row in rows],
            [made.found[row] for row in rows],
            ["a", "b", "c"],
            DetectionProtocol(metric_type, kind=kind),
        ).values
        assert found == pytest.approx(values.get(MEAN, np.nan), nan_ok=True, abs=1e-9)


def test_a_detector_that_found_nothing_has_the_interval_of_nothing(one_image: Callable[..., Any]) -> None:
    truth, found = one_image([(0, 0, 9, 9, 0)], [])
    for statistic in (
        voc_statistic(truth * 5, found * 5, 0.5, "box"),
        coco_statistic(truth * 5, found * 5, 0.5, "box"),
    ):
        interval = bootstrap_interval(statistic)
        assert interval is not None
        assert (interval.low, interval.high) == (0, 0)
    nothing = one_image([], [])
    assert bootstrap_interval(voc_statistic(*nothing, 0.5, "box")) is None
    assert bootstrap_interval(coco_statistic(*nothing, 0.5, "box")) is None


@pytest.mark.parametrize("images", [40, 400])
def test_the_interval_is_scipys(images: int) -> None:
    values = np.random.default_rng(0).gamma(2.0, size=images)
    found = bootstrap_interval(mean_of_images(values), resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert found is not None
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_the_interval_of_a_detector_is_scipys(scene: Callable[..., Any]) -> None:
    made = scene(0, images=30, classes=2, scores=10**6)
    statistic = voc_statistic(made.truth, made.found, 0.5, "box")

    def metric(rows: np.ndarray) -> float:
        result = evaluate_voc([made.truth[row] for row in rows], [made.found[row] for row in rows], 2, 0.5)
        return voc_values(result.rankings)[MEAN]

    found = bootstrap_interval(statistic, resamples=400)
    theirs = stats.bootstrap(
        (np.arange(len(made.truth)),), metric, n_resamples=400, vectorized=False, method="percentile", rng=1
    ).confidence_interval
    assert found is not None
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.2 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.2 * width)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = mean_of_images(np.random.default_rng(0).random(50))
    first, again, other = (bootstrap_interval(values, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_resamples_in_memory_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = mean_of_images(np.random.default_rng(0).random(50))
    whole = bootstrap_interval(values)
    monkeypatch.setattr("vistry.evaluation.bootstrap.ROOM", 7 * 50)
    assert bootstrap_interval(values) == whole


def test_draws_that_leave_a_metric_undefined_are_left_out() -> None:
    def odd(counts: np.ndarray) -> np.ndarray:
        return np.where(counts[:, 0] > 0, 0.5, np.nan)

    interval = bootstrap_interval(Statistic(odd, images=3))
    assert interval is not None
    assert (interval.low, interval.high) == (0.5, 0.5)
    assert 600 < interval.resamples < 800  # 1 - (2/3)^3 of a thousand
    assert bootstrap_interval(Statistic(lambda counts: np.full(len(counts), np.nan), images=3)) is None
    assert bootstrap_interval(mean_of_images(np.zeros(0))) is None
