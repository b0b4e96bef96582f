"""One model, one set of rows: training's validation, `evaluate` and `predict` give the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from vistry.inference.load import load
from vistry.loading.views import ImageView, ResizeInfo
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.training.prediction import predictions_of

SETTINGS: dict[str, Any] = {"number_of_epochs": 2, "warmup_cosine_lr_warmup_epochs": 1, "learning_rate": 0.1}


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def run(
    request: pytest.FixtureRequest, digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    output = tmp_path_factory.mktemp("same") / "run"
    settings = {**SETTINGS, "precision": request.param}
    return vistry.train(digits, task="multiclass", model="tiny", output=output, **settings).run


def test_fault_33_probabilities_are_those_of_the_validation(run: Run) -> None:
    tensors, _ = read_checkpoint(run.folder / PREDICTIONS)
    images = [row.split('"')[3] for row in (run.folder / "validation.jsonl").read_text().splitlines()]
    predictor = load(run.folder)
    found = [prediction.values for prediction in predictor.predict(images)]
    np.testing.assert_array_equal(np.array(found), tensors["predictions"])
    alone = [prediction.values for prediction in predictor.predict(images[:4], batch_size=1)]
    np.testing.assert_allclose(np.array(alone), tensors["predictions"][:4], atol=1e-5)


def test_fault_33_metrics_are_those_of_the_validation(run: Run) -> None:
    _, facts = read_checkpoint(run.folder / PREDICTIONS)
    evaluation = vistry.evaluate(run.folder, run.folder / "validation.jsonl")
    assert evaluation.metrics == facts.metrics  # type: ignore[union-attr]
    assert evaluation.doubt.interval == run.status.interval


class Engine:
    """Says of each image the size of its batch."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, ...]] = []

    def predict(self, images: np.ndarray, frames: list[ResizeInfo]) -> list[tuple[int, ...]]:
        self.calls.append(images.shape)
        assert len(frames) == len(images)
        return [(*images.shape[1:3], *frame[:2]) for frame in frames]


class Transform:
    """Views of the size that an image's name says; one named twice has two."""

    size_divisor, variable_size = 8, True

    def views(self, image: str) -> list[ImageView]:
        sizes = [tuple(map(int, size.split("x"))) for size in image.split("+")]
        return [ImageView(np.zeros((*size, 3), np.uint8), *size) for size in sizes]

    def merge(self, predictions: Any, views: Any) -> Any:
        return [tuple(one) for one in predictions]


def test_no_image_is_padded_for_the_one_beside_it() -> None:
    engine: Any = Engine()
    transform: Any = Transform()
    images = ["9x9", "20x9", "16x16", "9x9+20x10", "10x10", "17x9"]
    found = list(predictions_of(engine, transform, images, batch_size=6, workers=1))
    assert found == [
        [(16, 16, 9, 9)],
        [(24, 16, 20, 9)],
        [(16, 16, 16, 16)],
        [(16, 16, 9, 9), (24, 16, 20, 10)],
        [(16, 16, 10, 10)],
        [(24, 16, 17, 9)],
    ]
    assert engine.calls == [(4, 16, 16, 3), (3, 24, 16, 3)]
