"""Tiles in training, validation and prediction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from vistry.errors import HyperparameterError
from vistry.evaluation.detection.types import Detections
from vistry.inference.load import load
from vistry.loading.detection.augmentation import DetectionTrainTransform
from vistry.loading.detection.dataset import DetectionDataset
from vistry.loading.detection.tiles import Tiling
from vistry.loading.detection.views import DetectionTransform
from vistry.registry.tile_grid import TileGrid
from vistry.runs.rows import read_rows
from vistry.training.engines.torch.engine import TorchEngine

pytestmark = pytest.mark.usefixtures("few_regions")

BOXES = "retinanet_tinybone_fpn"
TILES = {"tile_grid_size": "2x1", "tile_overlap_ratio": 0.0}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The frames of every batch that is predicted."""
    found: list[Any] = []
    predict = TorchEngine.predict

    def watching(self: Any, images: Any, frames: Any = None) -> Any:
        found.append(frames)
        return predict(self, images, frames)

    monkeypatch.setattr(TorchEngine, "predict", watching)
    return found


def test_training_goes_over_each_image_and_each_tile_with_objects(trained: Callable[..., Any]) -> None:
    run = trained(BOXES, **TILES, tile_predictions_nms_threshold=0.5).run
    table = read_rows(run.folder / "training.jsonl", run.record.classes, run.record.task)
    resize = DetectionTrainTransform(64, 96, augment=False)
    samples = DetectionDataset(table, resize, 4, tiling=Tiling(TileGrid.parse("2x1")))
    # Each picture has an object in its left half and one in its right, but for the one without any.
    filled = sum(len(table.labels_of(row)) > 0 for row in range(len(table)))
    assert filled in (len(table), len(table) - 1)
    assert len(samples) == len(table) + 2 * filled
    tiles = [samples.read(row, np.random.default_rng(0)) for row in range(len(table), len(samples))]
    assert all(len(tile.boxes) == 1 for tile in tiles)
    assert sorted(row for rows in samples.batches(0, 0) for row in rows.tolist()) == list(range(len(samples)))


def test_an_image_is_decoded_once_for_all_its_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vistry.loading.detection import views as object_views

    pixels = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    opened: list[Any] = []
    load_pixels = object_views.load_pixels
    monkeypatch.setattr(object_views, "load_pixels", lambda image: opened.append(image) or load_pixels(image))
    views = DetectionTransform(40, 400, TileGrid(2, 2), 0.0, 0.5).views(path)
    assert len(opened) == 1
    places = [(view.left, view.top, view.source_width, view.source_height) for view in views]
    assert places == [(0, 0, 100, 80), (0, 0, 50, 40), (50, 0, 50, 40), (0, 40, 50, 40), (50, 40, 50, 40)]
    np.testing.assert_array_equal(views[2].pixels, pixels[:40, 50:])


def test_what_several_views_show_is_found_once(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    eval_transform = DetectionTransform(40, 400, TileGrid(2, 1), 0.0, 0.5)
    views = eval_transform.views(tmp_path / "a.png")

    def found(*boxes: tuple[float, ...]) -> Detections:
        rows = np.array(boxes, np.float32).reshape(-1, 6)
        return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64))

    whole = found((60, 10, 80, 30, 0.6, 0), (10, 10, 30, 30, 0.5, 1))
    left = found((10, 10, 30, 30, 0.9, 1), (11, 10, 30, 30, 0.8, 1))
    right = found((10, 10, 30, 30, 0.7, 0), (10, 10, 30, 30, 0.3, 1))
    merged = eval_transform.merge([whole, left, right], views)
    assert (merged.width, merged.height) == (100, 80)
    assert merged.detections.scores.tolist() == pytest.approx(
        [0.9, 0.8, 0.7, 0.3]
    )  # never within a view, never across classes
    assert merged.detections.boxes[2].tolist() == [60, 10, 80, 30]


def test_tiles_may_be_switched_on_at_prediction_alone(
    trained: Callable[..., Any], shapes: dict[str, Path], shown: list[Any]
) -> None:
    run = trained(BOXES).run.folder
    image = str(shapes["detection"].parent / "2.png")
    shown.clear()
    vistry.predict(run, image)
    assert sum(map(len, shown)) == 1
    shown.clear()
    [found] = vistry.predict(run, image, tile_grid_size="3x2", box_score_threshold=0.02)
    assert sum(map(len, shown)) == 1 + 6
    assert max(map(len, shown)) == 4  # validation_batch_size: the views share batches
    assert all(0 <= value <= 1 for box in found["boxes"] for value in box["box"].values())


def test_a_model_trained_with_tiles_predicts_with_them(
    trained: Callable[..., Any], shapes: dict[str, Path], shown: list[Any]
) -> None:
    run = trained(BOXES, **TILES, tile_predictions_nms_threshold=0.5).run.folder
    shown.clear()
    list(load(run).predict([str(shapes["detection"].parent / "2.png")]))
    assert sum(map(len, shown)) == 1 + 2


def test_tile_overlap_ratio_and_merging_threshold(trained: Callable[..., Any], shapes: dict[str, Path]) -> None:
    run, image = trained(BOXES).run.folder, str(shapes["detection"].parent / "2.png")

    def count(**changed: Any) -> int:
        [found] = vistry.predict(run, image, tile_grid_size="2x1", box_score_threshold=0.01, **changed)
        return len(found["boxes"])

    assert count(tile_predictions_nms_threshold=1.0) > count(tile_predictions_nms_threshold=0.0)
    transforms = [load(run, tile_grid_size="2x1", tile_overlap_ratio=ratio).eval_transform for ratio in (0.0, 0.5)]
    widths = [eval_transform.views(image)[1].source_width for eval_transform in transforms]  # type: ignore[attr-defined]
    assert widths == [48, 64]


@pytest.mark.parametrize(
    ("task", "model", "settings", "message"),
    [
        ("segmentation", "maskrcnn_tinybone_fpn", {"tile_grid_size": "2x2"}, "doesn't take it"),
        ("detection", BOXES, {"tile_grid_size": "1x1"}, "must be a grid of at least two tiles"),
        ("detection", BOXES, {"tile_grid_size": "3 by 2"}, "must be"),
        ("detection", BOXES, {"tile_grid_size": "0x2"}, "must be"),
        ("detection", BOXES, {"tile_grid_size": "2x1", "tile_overlap_ratio": 1.0}, "must be"),
        ("detection", BOXES, {"tile_grid_size": "2x1", "tile_predictions_nms_threshold": -0.1}, "must be"),
    ],
)
def test_what_is_no_tiling_is_refused(
    task: str, model: str, settings: dict[str, Any], message: str, shapes: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(HyperparameterError, match=message):
        vistry.train(shapes[task], task=task, model=model, output=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        ("tinymasks", "2x2", "tinymasks doesn't take it; it is for image_object_detection"),
        ("tinyboxes", "1x1", "must be a grid of at least two tiles"),
        ("tinyboxes", "2xx2", "must be a grid of at least two tiles"),
    ],
)
def test_what_is_no_tiling_is_refused_at_prediction_too(
    model: str, size: str, message: str, trained: Callable[..., Any]
) -> None:
    run = trained(model).run.folder
    with pytest.raises(HyperparameterError, match=message):
        load(run, tile_grid_size=size)
