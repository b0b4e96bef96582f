"""YOLOv5 trained, interrupted, evaluated and asked on small pictures, in torch and in JAX; each hyperparameter."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from safetensors.numpy import load_file
from vistry.errors import HyperparameterError
from vistry.inference.load import load
from vistry.loading.batches import Batch
from vistry.registry.catalogue import Catalogue
from vistry.runs.folder import Run
from vistry.training.engines.torch.engine import TorchEngine
from vistry.training.engines.torch.module import arrays_of, freeze
from vistry.training.events import Listener, LossComputed
from vistry.training.interruption import Interrupted
from vistry.training.model_context import ModelContext
from vistry.training.plan import Request, make_plan
from vistry.training.session import TrainingResult, resume

Row = dict[str, Any]
Arrays = dict[str, np.ndarray]
Train = Callable[..., TrainingResult]
AsData = Callable[[list[Row]], Path]
Hits = Callable[[list[Row], list[Row]], int]

TASK = "image_object_detection"
FROZEN = tuple(f"model.{layer}." for layer in range(10))
ANCHORS, HEADS = "model.24.anchors", "model.24.m."
TOLERANCE = 1e-4  # of a loss, over a few updates in float32: what rounding grows to, with room
# The error of logits up to 10 after 57 layers, each of which rounds its sums to 16 units in float32's last place; of a
# score, by the steepest slope of a product of two sigmoids; of a side, in parts of the image's, as much as of a logit.
LOGITS = 10 * 57 * 16 * float(np.finfo(np.float32).eps)
SCORES = 8 / 27 * LOGITS


class Notes(Listener):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def about_anchors(self) -> list[str]:
        return [text for text in self.said if "anchors were fitted" in text]


def same(ours: Arrays, theirs: Arrays) -> bool:
    """Whether two sets of tensors are equal, bit for bit."""
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def under(prefix: str | tuple[str, ...], arrays: Arrays) -> Arrays:
    return {name: value for name, value in arrays.items() if name.startswith(prefix)}


class CtrlC(Listener):
    """Presses Ctrl-C in an update."""

    def __init__(self, update: int):
        self._left = update

    def update_ended(self) -> None:
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)


class Losses(Listener):
    """The loss of each batch."""

    def __init__(self) -> None:
        self.of_batches: list[float] = []

    def loss_computed(self, event: LossComputed) -> None:
        self.of_batches.append(event.loss)


def interrupted(updates: int, call: Callable[..., object]) -> None:
    """Make a call that trains, and press Ctrl-C in its n-th update."""
    with pytest.raises(Interrupted):
        call(listeners=[CtrlC(updates)])


def images_of(pictures: list[Row]) -> list[str]:
    return [row["image_url"] for row in pictures]


@dataclass
class Whole:
    """A run that nothing disturbed, the settings it had, and the loss of each batch."""

    run: Run
    data: Path
    settings: dict[str, Any]
    losses: list[float] = field(default_factory=list)


@pytest.fixture(scope="session")
def whole(train: Train, shapes: Path, by_heart: Path, learned: Run) -> Callable[[str], Whole]:
    """Two epochs of mosaics, from the weights that know one picture; made once for each backend."""
    known: dict[str, Whole] = {}

    def call(backend: str) -> Whole:
        if backend not in known:
            losses = Losses()
            settings = {
                "backend": backend,
                "validation": by_heart,
                "weights": str(learned.best_weights),
                "number_of_epochs": 2,
                "learning_rate": 0.001,
                "learning_rate_scheduler": "step",
            }
            run = train(shapes, listeners=[losses], **settings).run
            known[backend] = Whole(run, shapes, settings, losses.of_batches)
        return known[backend]

    return call


@dataclass
class Idle:
    """What reached an engine that computes no step, so that a training costs no time and changes no weight."""

    batches: list[Batch] = field(default_factory=list)

    def objects(self) -> int:
        return sum(len(target["labels"]) for batch in self.batches for target in batch.targets)

    def by_row(self) -> dict[int, list[np.ndarray]]:
        """The pixels of each image in each epoch, of batches of one size."""
        found: dict[int, list[np.ndarray]] = {}
        for batch in self.batches:
            for row, pixels in zip(batch.rows.tolist(), batch.images, strict=True):
                found.setdefault(row, []).append(pixels)
        return found


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Idle:
    seen = Idle()

    def accumulate(self: Any, batch: Batch, share: float, step: int) -> dict[str, float]:
        seen.batches.append(batch)
        return {"box": 0.5}

    monkeypatch.setattr(TorchEngine, "accumulate", accumulate)
    monkeypatch.setattr(TorchEngine, "update", lambda self, rate: None)
    return seen


# Learning


def test_one_picture_is_learned_by_heart(learned: Run) -> None:
    history = [json.loads(line) for line in (learned.folder / "metrics.jsonl").read_text().splitlines()]
    assert history[-1]["metrics"]["mean_average_precision"] == pytest.approx(1.0)
    assert history[-1]["train_loss"] < 0.1 * history[0]["train_loss"]


def test_what_is_evaluated_is_what_is_saved(learned: Run, by_heart: Path) -> None:
    """The average of the weights, of which the weights themselves are another matter."""
    recorded = json.loads((learned.folder / "metrics.jsonl").read_text().splitlines()[-1])["metrics"]
    assert vistry.evaluate(learned.folder, by_heart).metrics == pytest.approx(recorded, rel=1e-5)
    state, best = load_file(learned.last_state), load_file(learned.best_weights)
    assert same({f"ema/{name}": value for name, value in best.items()}, under("ema/", state))
    assert not same({f"model/{name}": value for name, value in best.items()}, under("model/", state))


def test_it_trains_evaluates_and_predicts(whole: Callable[[str], Whole], shapes: Path, pictures: list[Row]) -> None:
    run = whole("torch").run
    assert vistry.evaluate(run.folder, shapes, include_training=True).images == 11
    found = vistry.predict(run.folder, images_of(pictures), box_score_threshold=0.02)
    assert [one["filename"] for one in found] == images_of(pictures)
    boxes = [box for one in found for box in one["boxes"]]
    assert boxes
    for box in boxes:
        left, top, right, bottom = (box["box"][name] for name in ("topX", "topY", "bottomX", "bottomY"))
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert box["label"] in ("square", "disc")
        assert 0.02 < box["score"] <= 1
    assert "Largest misses" in (run.folder / "report.html").read_text()


@pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.long)])
def test_a_run_cut_short_goes_on_to_the_same_weights(
    backend: str, whole: Callable[[str], Whole], train: Train, tmp_path: Path
) -> None:
    undisturbed = whole(backend)
    output = tmp_path / "cut"
    interrupted(2, partial(train, undisturbed.data, output=output, **undisturbed.settings))
    resumed = resume(output).run
    assert same(load_file(resumed.best_weights), load_file(undisturbed.run.best_weights))
    state = load_file(resumed.last_state)
    assert same(state, load_file(undisturbed.run.last_state))
    assert under("ema/", state)
    assert state["ema.updates"] == len(undisturbed.losses)


@pytest.mark.long  # test_flax.py compares one step
def test_jax_trains_as_torch_does(whole: Callable[[str], Whole]) -> None:
    """With mosaics and augmentations, since both are given the same pictures."""
    torch, jax = (whole(backend) for backend in ("torch", "jax"))
    assert len(torch.losses) == 6
    assert jax.losses == pytest.approx(torch.losses, rel=TOLERANCE)
    ours, theirs = load_file(jax.run.best_weights), load_file(torch.run.best_weights)
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


@pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.long)])
def test_each_engine_predicts_with_the_others_weights(
    backend: str, whole: Callable[[str], Whole], learned: Run, by_heart: Path
) -> None:
    run, other = (learned, "jax") if backend == "torch" else (whole("jax").run, "torch")
    ours, theirs = (vistry.evaluate(run.folder, by_heart, backend=backend).metrics for backend in (None, other))
    assert ours["recall"] > 0
    assert theirs == pytest.approx(ours)


def test_the_other_engine_finds_the_same(learned: Run, by_heart: Path) -> None:
    image = json.loads(by_heart.read_text())["image_url"]
    first, second = (vistry.predict(learned.folder, image, backend=backend)[0]["boxes"] for backend in (None, "jax"))
    assert [box["label"] for box in first] == [box["label"] for box in second]
    assert [box["score"] for box in first] == pytest.approx([box["score"] for box in second], abs=SCORES)
    for one, two in zip(first, second, strict=True):
        assert one["box"] == pytest.approx(two["box"], abs=LOGITS)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_images_without_objects_train(
    batch_size: int,
    train: Train,
    as_data: AsData,
    grounds: list[Row],
    pictures: list[Row],
    by_heart: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accumulate, seen = TorchEngine.accumulate, []

    def watching(self: Any, batch: Batch, share: float, step: int) -> dict[str, float]:
        terms = accumulate(self, batch, share, step)
        seen.append((sum(len(target["labels"]) for target in batch.targets), terms))
        return terms

    monkeypatch.setattr(TorchEngine, "accumulate", watching)
    data = as_data([*grounds, pictures[1]])
    settings = {"apply_mosaic": 0, "apply_augmentations": 0, "training_batch_size": batch_size}
    run = train(data, validation=by_heart, validation_metric_type="none", **settings).run
    assert all(math.isfinite(value) for _, terms in seen for value in terms.values())
    assert all(np.isfinite(value).all() for value in load_file(run.best_weights).values())
    without = [terms for objects, terms in seen if not objects]
    assert 0 < len(without) < len(seen)
    for terms in without:
        assert terms["box"] == terms["class"] == 0
        assert terms["objectness"] > 0


# Anchors


def test_anchors_are_fitted_to_odd_boxes_and_stay_with_the_run(train: Train, bars: Path, tmp_path: Path) -> None:
    settings = {"number_of_epochs": 2, "training_batch_size": 2, "multi_scale": 1, "validation_metric_type": "none"}
    begun, resumed, built_upon = Notes(), Notes(), Notes()
    undisturbed = train(bars, listeners=[begun], **settings).run
    assert len(begun.about_anchors()) == 1
    assert "the previous anchors matched 0.0%" in begun.about_anchors()[0]
    weights = load_file(undisturbed.best_weights)
    anchors = weights[ANCHORS]
    assert not np.allclose(anchors, arrays_of(untrained())[ANCHORS])
    sizes = anchors * np.array([8, 16, 32])[:, None, None]
    assert sizes[..., 0].max() < 3 < 30 < sizes[..., 1].min()

    interrupted(1, partial(train, bars, output=tmp_path / "cut", **settings))
    again = resume(tmp_path / "cut", listeners=[resumed]).run
    assert resumed.about_anchors() == []
    assert same(load_file(again.best_weights), weights)

    predictor = load(undisturbed.folder)
    assert np.array_equal(predictor.engine.weights()[ANCHORS], anchors)
    assert vistry.evaluate(undisturbed.folder, bars, include_training=True).images == 6
    upon = train(
        bars, listeners=[built_upon], checkpoint_run_id=str(undisturbed.folder), validation_metric_type="none"
    ).run
    assert built_upon.about_anchors() == []
    assert np.array_equal(load_file(upon.best_weights)[ANCHORS], anchors)


def test_usual_boxes_keep_the_usual_anchors(learned: Run) -> None:
    assert np.array_equal(load_file(learned.best_weights)[ANCHORS], arrays_of(untrained())[ANCHORS])


def untrained(**hyperparameters: Any) -> Any:
    values = {"model_size": "small", **hyperparameters}
    return vistry.create("yolov5", task="detection", num_classes=2, hyperparameters=values)


# What a training starts from, and what stays


def test_other_classes_keep_all_but_the_heads(
    idle: Idle, train: Train, as_data: AsData, learned: Run, pictures: list[Row]
) -> None:
    rows = [{**row, "label": [{**label, "label": "thing"} for label in row["label"]]} for row in pictures]
    notes = Notes()
    run = train(
        as_data(rows), checkpoint_run_id=str(learned.folder), validation_metric_type="none", listeners=[notes]
    ).run
    ours, theirs = load_file(run.best_weights), load_file(learned.best_weights)
    kept = {name: value for name, value in theirs.items() if not name.startswith(HEADS)}
    assert same({name: value for name, value in ours.items() if not name.startswith(HEADS)}, kept)
    assert {value.shape[0] for value in under(HEADS, ours).values()} == {3 * 6}
    assert any("0 of 1 classes taken over by name; new: thing" in text for text in notes.said)
    assert idle.batches


def test_each_layer_that_can_be_frozen_is_one_of_the_backbone() -> None:
    catalogue = Catalogue.read()
    freezing = ModelContext.of(catalogue, catalogue.model("yolov5"), task=TASK, backend="torch").freezing_map()
    module = untrained()
    for layers in range(1, 11):
        freeze(module, freezing, layers)
        still = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
        assert still == {name for name, _ in module.named_parameters() if name.startswith(FROZEN[:layers])}
    with pytest.raises(HyperparameterError, match="more than the 10 layers"):
        freeze(module, freezing, 11)


def test_what_is_frozen_stays_and_so_does_its_average(train: Train, shapes: Path, by_heart: Path, learned: Run) -> None:
    start = load_file(learned.best_weights)
    settings = {"weights": str(learned.best_weights), "validation": by_heart, "layers_to_freeze": 10}
    state = load_file(train(shapes, **settings).run.last_state)
    for kind in ("model/", "ema/"):
        now = {name.removeprefix(kind): value for name, value in under(kind, state).items()}
        assert same(under(FROZEN, now), under(FROZEN, start))
        assert not np.array_equal(now["model.10.conv.weight"], start["model.10.conv.weight"])


# Hyperparameters of training


def test_model_size(learned: Run) -> None:
    small = load_file(learned.best_weights)["model.0.conv.weight"]
    assert [small.shape[0], len(untrained(model_size="medium").model[0].conv.weight)] == [32, 48]
    assert learned.status.engine.parameters == 7_025_023


@pytest.mark.parametrize(("size", "side"), [(64, 64), (65, 96), (30, 32)])
def test_image_size_is_rounded_up_with_a_warning(
    size: int, side: int, idle: Idle, train: Train, shapes: Path, tmp_path: Path
) -> None:
    from vistry.hyperparameter.schema import Source

    request = Request(data=shapes, task="detection", model="yolov5")
    warnings = make_plan(request, [Source.of({"image_size": size}, "the test")]).warnings()
    said = [text for text in warnings if f"{size} is not a multiple of 32" in text]
    assert len(said) == (size != side)
    if said:
        assert f"set {side}" in said[0]
        train(shapes, image_size=size, validation_metric_type="none", output=tmp_path / "run")
        assert {batch.images.shape[1:] for batch in idle.batches} == {(side, side, 3)}


def test_multi_scale(idle: Idle, train: Train, shapes: Path) -> None:
    settings = {"training_batch_size": 1, "number_of_epochs": 2, "validation_metric_type": "none"}
    train(shapes, multi_scale=1, **settings)
    assert {batch.images.shape[1:3] for batch in idle.batches} == {(32, 32), (64, 64), (96, 96)}
    for batch in idle.batches:
        assert all((target["boxes"] <= batch.images.shape[1]).all() for target in batch.targets)


def test_apply_mosaic_and_apply_augmentations(idle: Idle, train: Train, shapes: Path) -> None:
    def seen(mosaic: int, augment: int) -> tuple[int, list[np.ndarray], int]:
        """In how many images the epochs differ, the pixels of the first epoch, the most objects in one image."""
        idle.batches.clear()
        settings = {"number_of_epochs": 2, "validation_metric_type": "none"}
        train(shapes, apply_mosaic=mosaic, apply_augmentations=augment, **settings)
        rows = idle.by_row()
        assert all(len(epochs) == 2 for epochs in rows.values())
        most = max(len(target["labels"]) for batch in idle.batches for target in batch.targets)
        return (
            sum(not np.array_equal(*epochs) for epochs in rows.values()),
            [rows[row][0] for row in sorted(rows)],
            most,
        )

    changing, plain, most = seen(0, 0)
    assert changing == 0
    assert most == 2
    assert all((image[:10] == 114).all() and (image[-10:] == 114).all() for image in plain)  # 64 x 43 in 64 x 64
    changing, mosaics, most = seen(1, 0)
    assert changing == len(mosaics)
    assert most > 2
    changing, augmented, most = seen(0, 1)
    assert changing == len(augmented)
    assert most == 2
    assert not any(np.array_equal(*images) for images in zip(plain, augmented, strict=True))


def test_tiles_in_training(idle: Idle, train: Train, shapes: Path) -> None:
    settings = {"apply_mosaic": 0, "apply_augmentations": 0, "validation_metric_type": "none"}
    train(shapes, **settings)
    images, objects = len(idle.by_row()), idle.objects()
    idle.batches.clear()
    train(shapes, tile_grid_size="2x1", tile_overlap_ratio=0.0, **settings)
    with_objects = objects // 2
    assert len(idle.by_row()) == images + 2 * with_objects  # each half has an object
    assert idle.objects() >= 2 * objects


@pytest.mark.parametrize("name", ["min_size", "max_size", "box_detections_per_image"])
def test_what_belongs_to_other_families_is_refused(
    name: str, train: Train, shapes: Path, learned: Run, tmp_path: Path
) -> None:
    reason = "use image_size" if name.endswith("_size") else "yolov5 returns at most 300 boxes an image"
    with pytest.raises(HyperparameterError, match=reason):
        train(shapes, output=tmp_path / "run", **{name: 100})
    assert not (tmp_path / "run").exists()
    with pytest.raises(HyperparameterError, match=name):
        vistry.predict(learned.folder, str(shapes), **{name: 100})


# Hyperparameters of validation


@pytest.mark.parametrize(
    ("metric_type", "threshold", "present", "absent"),
    [
        ("voc", 0.1, {"precision", "mean_average_precision"}, {"coco_average_precision"}),
        ("coco", 0.5, {"coco_average_precision", "mean_average_precision"}, {"precision"}),
        ("coco_voc", 1.0, {"coco_average_precision", "precision", "mean_average_precision"}, set()),
        ("none", 0.5, set(), {"mean_average_precision"}),
    ],
)
def test_validation_metrics(
    metric_type: str,
    threshold: float,
    present: set[str],
    absent: set[str],
    idle: Idle,
    train: Train,
    learned: Run,
    shapes: Path,
    by_heart: Path,
) -> None:
    settings = {"validation_metric_type": metric_type, "validation_iou_threshold": threshold}
    metrics = train(shapes, weights=str(learned.best_weights), validation=by_heart, **settings).metrics
    assert present <= set(metrics)
    assert not absent & set(metrics)
    if "recall" in metrics:
        assert metrics["recall"] == (1.0 if threshold == 0.1 else 0.0)
    assert idle.batches


# Hyperparameters of prediction


def test_what_is_served_follows_the_thresholds(learned: Run, pictures: list[Row]) -> None:
    image = pictures[0]["image_url"]
    [many] = vistry.predict(learned.folder, image, box_score_threshold=0.01, nms_iou_threshold=1.0)
    [fewer] = vistry.predict(learned.folder, image, box_score_threshold=0.01, nms_iou_threshold=0.1)
    scores = [box["score"] for box in many["boxes"]]
    assert scores == sorted(scores, reverse=True)
    assert len(many["boxes"]) > len(fewer["boxes"]) >= 2
    middle = float(np.median(scores))
    [above] = vistry.predict(learned.folder, image, box_score_threshold=middle, nms_iou_threshold=1.0)
    assert len(above["boxes"]) == sum(score > middle for score in scores)


def test_image_size_at_prediction(
    learned: Run, hits: Hits, pictures: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    predict, sides = TorchEngine.predict, []

    def watching(self: Any, images: Any, frames: Any = None) -> Any:
        sides.append(images.shape[1:3])
        return predict(self, images, frames)

    monkeypatch.setattr(TorchEngine, "predict", watching)
    image = pictures[0]["image_url"]
    [usual], [larger], [rounded] = (
        vistry.predict(learned.folder, image, **given) for given in ({}, {"image_size": 96}, {"image_size": 33})
    )
    assert sides == [(64, 64), (96, 96), (64, 64)]
    assert usual["boxes"] == rounded["boxes"] != larger["boxes"]
    assert hits(pictures[0]["label"], usual["boxes"]) == 2


def test_tiles_at_prediction_alone(learned: Run, hits: Hits, pictures: list[Row], tmp_path: Path) -> None:
    """Four times the picture that is known, in one: what is too small in the whole is found in its tiles."""
    picture = Image.open(pictures[0]["image_url"])
    width, height = picture.size
    four = Image.new("RGB", (2 * width, 2 * height))
    labels = []
    for row in range(2):
        for column in range(2):
            four.paste(picture, (column * width, row * height))
            labels += [quarter(label, column, row) for label in pictures[0]["label"]]
    four.save(tmp_path / "four.png")

    def found(**given: Any) -> list[dict[str, Any]]:
        [answer] = vistry.predict(learned.folder, str(tmp_path / "four.png"), **given)
        boxes: list[dict[str, Any]] = answer["boxes"]
        return boxes

    assert hits(labels, found()) < 8
    assert hits(labels, found(tile_grid_size="2x2", tile_overlap_ratio=0)) == 8


def test_what_several_views_find_is_merged(learned: Run, hits: Hits, pictures: list[Row]) -> None:
    """In tiles that show nearly all that the whole image shows."""
    asked = {"tile_grid_size": "2x1", "tile_overlap_ratio": 0.99, "box_score_threshold": 0.05}
    [one], [merged], [apart] = (
        vistry.predict(learned.folder, pictures[0]["image_url"], **given)
        for given in (
            {"box_score_threshold": 0.05},
            {**asked, "tile_predictions_nms_threshold": 0.25},
            {**asked, "tile_predictions_nms_threshold": 1},
        )
    )
    assert hits(pictures[0]["label"], merged["boxes"]) == 2
    assert len(merged["boxes"]) < len(one["boxes"]) + 2 <= len(apart["boxes"])


def quarter(label: dict[str, Any], column: int, row: int) -> dict[str, Any]:
    """A label of a picture, of one twice as wide and high with the picture in one of its quarters."""
    moved = {name: (label[name] + column) / 2 for name in ("topX", "bottomX")}
    return {**label, **moved, **{name: (label[name] + row) / 2 for name in ("topY", "bottomY")}}
