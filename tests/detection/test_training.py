"""Detectors trained, interrupted, evaluated and asked on small pictures; each hyperparameter's effect."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import load_file
from vistry.cli import main
from vistry.errors import HyperparameterError, VistryError
from vistry.runs.checkpoint import read_checkpoint, write_checkpoint, write_tensors
from vistry.runs.folder import Run
from vistry.runs.records import HyperparameterRecord
from vistry.training.events import Listener
from vistry.training.interruption import Interrupted
from vistry.training.session import resume

pytestmark = pytest.mark.usefixtures("few_regions")

DETECTORS = ("fasterrcnn_tinybone_fpn", "retinanet_tinybone_fpn", "maskrcnn_tinybone_fpn")
REGIONS, BOXES, MASKS = DETECTORS
OWN_BOXES, OWN_MASKS = "tinyboxes", "tinymasks"  # a stranger's detectors, which take no time
Quick = dict[str, Any]
Trained = Callable[..., Any]


def task_of(model: str) -> str:
    return "segmentation" if model in (MASKS, OWN_MASKS) else "detection"


@pytest.mark.parametrize("model", [*DETECTORS, OWN_BOXES, OWN_MASKS])
def test_a_detector_trains_evaluates_and_predicts(model: str, trained: Trained, shapes: dict[str, Path]) -> None:
    result = trained(model)
    assert 0 <= result.metrics["mean_average_precision"] <= 1
    data = shapes[task_of(model)]
    evaluation = vistry.evaluate(result.run.folder, data, include_training=True)
    assert evaluation.images == 11
    image = str(data.parent / "0.png")
    [found] = vistry.predict(result.run.folder, image, box_score_threshold=0.02)
    assert found["filename"] == image
    for box in found["boxes"]:
        left, top, right, bottom = (box["box"][name] for name in ("topX", "topY", "bottomX", "bottomY"))
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert box["label"] in ("square", "disc")
        assert 0.02 < box["score"] <= 1
        assert ("polygon" in box) == (model in (MASKS, OWN_MASKS))
    page = (result.run.folder / "report.html").read_text()
    assert "Largest misses" in page


class CtrlC(Listener):
    """Presses Ctrl-C in an update."""

    def __init__(self, update: int):
        self._left = update

    def update_ended(self) -> None:
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("model", [REGIONS, BOXES, OWN_MASKS])
def test_a_run_cut_short_goes_on_to_the_same_weights(
    quick: Quick, model: str, shapes: dict[str, Path], trained: Trained, tmp_path: Path
) -> None:
    settings = {**quick, "number_of_epochs": 2, "validation_metric_type": "none"}
    whole = trained(model, number_of_epochs=2, validation_metric_type="none").run
    options = {"task": task_of(model), "model": model, "output": tmp_path / "cut", "listeners": [CtrlC(update=3)]}
    with pytest.raises(Interrupted):
        vistry.train(shapes[task_of(model)], **options, **settings)
    resumed = resume(tmp_path / "cut").run
    ours, theirs = load_file(resumed.best_weights), load_file(whole.best_weights)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("epochs", [10, pytest.param(120, marks=pytest.mark.long)])
def test_one_picture_is_learned_by_heart(epochs: int, quick: Quick, tmp_path: Path, shapes: dict[str, Path]) -> None:
    first = json.loads(shapes["detection"].read_text().splitlines()[0])
    first["image_url"] = str(shapes["detection"].parent / first["image_url"])
    one = tmp_path / "one.jsonl"
    other = tmp_path / "other.jsonl"
    one.write_text(json.dumps(first) + "\n")
    other.write_text(json.dumps(first) + "\n")
    almost = Image.open(first["image_url"])
    almost.putpixel((0, 0), (0, 0, 0))  # else it would be a leak
    almost.save(tmp_path / "copy.png")
    other.write_text(json.dumps({**first, "image_url": str(tmp_path / "copy.png")}) + "\n")
    settings = {
        **quick,
        "number_of_epochs": epochs,
        "learning_rate": 0.0003,
        "optimizer": "adam",
        "apply_augmentations": 0,
    }
    result = vistry.train(
        one,
        task="detection",
        model=BOXES,
        validation=other,
        output=tmp_path / "run",
        **{**settings, "early_stopping": 0, "evaluation_frequency": epochs, "apply_augmentations": 0},
    )
    first, *_, last = (entry.train_loss for entry in result.run.history())
    assert last < first / 2
    if epochs == 120:
        assert result.metrics["mean_average_precision"] == pytest.approx(1.0)


def test_metrics_are_not_crippled_by_the_serving_threshold(trained: Trained) -> None:
    strict = trained(BOXES, box_score_threshold=0.99).metrics
    usual = trained(BOXES).metrics
    assert strict["mean_average_precision"] == usual["mean_average_precision"]
    assert strict.get("mean_average_precision_at_serving_threshold", 0.0) <= usual["mean_average_precision"]


@pytest.mark.parametrize(
    ("metric_type", "present", "absent"),
    [
        ("voc", "precision", "coco_average_precision"),
        ("coco", "coco_average_precision", "precision"),
        ("coco_voc", "coco_average_precision", "nothing"),
    ],
)
def test_validation_metric_type(metric_type: str, present: str, absent: str, trained: Trained, shapes: Any) -> None:
    metrics = trained(OWN_BOXES, validation_metric_type=metric_type).metrics
    assert present in metrics
    assert absent not in metrics
    assert "mean_average_precision" in metrics


def test_without_a_metric_every_epoch_is_the_best(trained: Trained) -> None:
    result = trained(OWN_BOXES, number_of_epochs=2, validation_metric_type="none")
    assert result.metrics == {}
    assert result.outcome.best_epoch == 1
    assert result.outcome.best_score is None
    assert (result.run.folder / "report.html").is_file()


def test_validation_iou_threshold(trained: Trained) -> None:
    loose, strict = (trained(BOXES, validation_iou_threshold=value).metrics for value in (0.1, 1.0))
    assert loose["recall"] > strict["recall"]


def sizes_seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    from vistry.training.engines.torch.engine import TorchEngine

    seen: list[Any] = []
    accumulate = TorchEngine.accumulate

    def watching(self: Any, batch: Any, share: float, step: int) -> Any:
        seen.append(batch)
        return accumulate(self, batch, share, step)

    monkeypatch.setattr(TorchEngine, "accumulate", watching)
    return seen


@pytest.mark.parametrize(
    ("sizes", "expected"), [({"min_size": 48, "max_size": 96}, (48, 72)), ({"min_size": 64, "max_size": 60}, None)]
)
def test_min_size_and_max_size(
    quick: Quick,
    sizes: dict[str, int],
    expected: Any,
    shapes: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = sizes_seen(monkeypatch)
    settings = {**quick, "apply_augmentations": 0, "validation_metric_type": "none", **sizes}
    call = {"task": "detection", "model": OWN_BOXES, "output": tmp_path / "run"}
    if expected is None:
        with pytest.raises(HyperparameterError, match="below min_size"):
            vistry.train(shapes["detection"], **call, **settings)
        return
    vistry.train(shapes["detection"], **call, **settings)
    assert {size for batch in seen for size in batch.sizes} == {expected}
    assert all(batch.images.shape[1] % 32 == batch.images.shape[2] % 32 == 0 for batch in seen)


def test_apply_augmentations(
    quick: Quick, shapes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Trained
) -> None:
    seen = sizes_seen(monkeypatch)
    settings = {**quick, "number_of_epochs": 2, "validation_metric_type": "none", "training_batch_size": 1}
    for value in (0, 1):
        vistry.train(
            shapes["detection"],
            task="detection",
            model=OWN_BOXES,
            output=tmp_path / f"run{value}",
            **{**settings, "apply_augmentations": value},
        )
    plain, changed = seen[: len(seen) // 2], seen[len(seen) // 2 :]

    def of_epochs(batches: list[Any]) -> int:
        """In how many of the images the second epoch has other pixels than the first."""
        by_row: dict[int, list[Any]] = {}
        for batch in batches:
            by_row.setdefault(int(batch.rows[0]), []).append(batch.images)
        return sum(not np.array_equal(*pair) for pair in by_row.values())

    assert of_epochs(plain) == 0
    assert of_epochs(changed) > 0


def test_what_is_served_follows_the_thresholds(trained: Trained, shapes: dict[str, Path]) -> None:
    run = trained(BOXES).run.folder
    image = str(shapes["detection"].parent / "1.png")
    [many] = vistry.predict(run, image, box_score_threshold=0.01, nms_iou_threshold=1.0)
    [fewer] = vistry.predict(run, image, box_score_threshold=0.01, nms_iou_threshold=0.1)
    [three] = vistry.predict(run, image, box_score_threshold=0.01, box_detections_per_image=3)
    scores = [box["score"] for box in many["boxes"]]
    assert scores == sorted(scores, reverse=True)
    assert len(many["boxes"]) > len(fewer["boxes"])
    assert len(three["boxes"]) <= 3
    middle = float(np.median(scores))
    [above] = vistry.predict(run, image, box_score_threshold=middle, nms_iou_threshold=1.0)
    assert len(above["boxes"]) == sum(score > middle for score in scores)


def test_what_decides_the_weights_cant_be_changed_afterwards(trained: Trained, shapes: dict[str, Path]) -> None:
    with pytest.raises(HyperparameterError, match="can't be changed for a trained model"):
        vistry.predict(trained(OWN_BOXES).run.folder, str(shapes["detection"].parent / "1.png"), learning_rate=0.1)
    with pytest.raises(HyperparameterError, match="must be"):
        vistry.predict(trained(OWN_BOXES).run.folder, str(shapes["detection"].parent / "1.png"), box_score_threshold=7)


def with_decided_masks(run: Run, folder: Path) -> Path:
    """A copy of a run whose masks are as ragged as random ones, and no longer undecided."""
    copy = Run(shutil.copytree(run.folder, folder))
    weights, facts = read_checkpoint(copy.best_weights)
    weights["roi_heads.mask_predictor.mask_fcn_logits.weight"] *= 1000
    write_checkpoint(copy.best_weights, weights, facts)
    return copy.folder


def test_masks_follow_their_threshold_and_polygons_their_limit(
    trained: Trained, shapes: dict[str, Path], tmp_path: Path
) -> None:
    run = with_decided_masks(trained(MASKS, backbone_norm="batch").run, tmp_path / "decided")
    image = str(shapes["segmentation"].parent / "1.png")

    def polygons(**changed: Any) -> list[Any]:
        [found] = vistry.predict(run, image, box_score_threshold=0.02, **changed)
        assert found["boxes"]
        return [ring for box in found["boxes"] for ring in box["polygon"]]

    def area(rings: list[Any]) -> float:
        total = 0.0
        for ring in rings:
            x, y = np.array(ring).reshape(-1, 2).T
            total += abs(float((x * np.roll(y, 1) - y * np.roll(x, 1)).sum())) / 2
        return total

    assert area(polygons(mask_pixel_score_threshold=0.3)) > area(polygons(mask_pixel_score_threshold=0.7))
    short = polygons(max_number_of_polygon_points=5)
    assert max(len(ring) for ring in short) <= 10
    assert max(len(ring) for ring in polygons()) > 10


def test_pretrained_detectors_freeze_what_torchvisions_do(trained: Trained, shapes: dict[str, Path]) -> None:
    first = trained(BOXES, backbone_norm="batch").run
    second = trained(BOXES, weights=str(first.best_weights), backbone_norm="batch")
    third = trained(BOXES, weights=str(first.best_weights), backbone_norm="batch", layers_to_freeze=2)
    before, unset, two = (load_file(run.best_weights) for run in (first, second.run, third.run))

    def still(after: dict[str, Any], prefix: str) -> bool:
        return all(np.array_equal(before[name], after[name]) for name in before if name.startswith(prefix))

    assert still(unset, "backbone.body.stem.")
    assert not still(unset, "backbone.body.stage1.")
    assert still(two, "backbone.body.stage1.")
    assert not still(two, "backbone.body.stage2.")


def test_what_auto_meant_for_the_weight_names_is_recorded(trained: Trained) -> None:
    first = trained(BOXES).run
    assert first.hyperparameters["backbone_norm"] == HyperparameterRecord(
        value="group", origin="auto, resolved by retinanet", given=False
    )
    assert not any(name.endswith("running_mean") for name in load_file(first.best_weights))
    second = trained(BOXES, weights=str(trained(BOXES, backbone_norm="batch").run.best_weights), backbone_norm="auto")
    assert second.run.hyperparameters["backbone_norm"].value == "frozen"
    assert second.run.hyperparameters["backbone_norm"].given


def test_other_classes_keep_all_but_what_depends_on_them(
    quick: Quick, trained: Trained, shapes: dict[str, Path], tmp_path: Path
) -> None:
    first = trained(REGIONS).run
    rows = [json.loads(line) for line in shapes["detection"].read_text().splitlines()]
    for row in rows:
        row["image_url"] = str(shapes["detection"].parent / row["image_url"])
        row["label"] = [{**label, "label": "thing"} for label in row["label"]]
    data = tmp_path / "one_class.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)) + "\n")
    settings = {**quick, "learning_rate": 0.0, "validation_metric_type": "none"}
    second = vistry.train(
        data,
        task="detection",
        model=REGIONS,
        output=tmp_path / "run",
        checkpoint_run_id=str(first.folder),
        **settings,
    ).run
    ours, theirs = load_file(second.best_weights), load_file(first.best_weights)
    names = [name for name in ours if not name.startswith("roi_heads.box_predictor") and "running" not in name]
    assert all(np.array_equal(ours[name], theirs[name]) for name in names if "num_batches" not in name)
    assert ours["roi_heads.box_predictor.cls_score.weight"].shape[0] == 2


def test_a_classifiers_weights_start_the_backbone(trained: Trained, shapes: dict[str, Path], tmp_path: Path) -> None:
    from vistry.training.engines.torch.module import arrays_of

    classifier = arrays_of(vistry.create("tinybone", task="multiclass", num_classes=5))
    write_tensors(tmp_path / "tinybone.safetensors", classifier, {})
    module = vistry.create(
        BOXES,
        task="detection",
        num_classes=2,
        weights=str(tmp_path / "tinybone.safetensors"),
        hyperparameters={"random_seed": 5},
    )
    found = arrays_of(module)
    taken = [name for name in found if name.startswith("backbone.body.")]
    assert len(taken) > 10
    assert all(np.array_equal(found[name], classifier[name.removeprefix("backbone.body.")]) for name in taken)
    write_tensors(tmp_path / "other.safetensors", {"features.weight": np.zeros((3, 3), np.float32)}, {})
    with pytest.raises(VistryError, match="doesn't fit the model"):
        vistry.create(BOXES, task="detection", num_classes=2, weights=str(tmp_path / "other.safetensors"))


def test_masks_and_drawings_are_written(trained: Trained, shapes: dict[str, Path], tmp_path: Path) -> None:
    run, image = str(trained(MASKS).run.folder), str(shapes["segmentation"].parent / "1.png")
    flags = ["--box_score_threshold", "0.02", "--export_as_image", "true", "--image_type", "PNG"]
    where = ["--draw", str(tmp_path / "drawn"), "--masks", str(tmp_path)]
    result = CliRunner().invoke(main, ["predict", run, image, *flags, *where, "--json"])
    assert result.exit_code == 0, result.output
    boxes = json.loads(result.stdout.splitlines()[0])["boxes"]
    masks = sorted((tmp_path / "masks").rglob("*.png"))
    assert len(masks) == len(boxes) > 0
    with Image.open(masks[0]) as mask:
        assert mask.size == (96, 64)
        assert set(np.unique(np.asarray(mask))) <= {0, 255}
    with Image.open(tmp_path / "drawn" / "1.jpg") as drawing:
        assert drawing.width / drawing.height == 1.5
        assert len(drawing.getcolors(1 << 20) or []) > len(Image.open(image).getcolors() or [])


def test_masks_and_drawings_are_written_from_python(
    trained: Trained, shapes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, image = trained(OWN_MASKS).run.folder, str(shapes["segmentation"].parent / "1.png")
    call = {"box_score_threshold": 0.02, "export_as_image": True, "image_type": "BMP"}
    monkeypatch.chdir(tmp_path)
    for folder, places in ((tmp_path, {}), (tmp_path / "there", {"masks": tmp_path / "there", "draw": str(tmp_path)})):
        [found] = vistry.predict(run, image, **call, **places)
        assert len(list((folder / "masks").rglob("*.bmp"))) == len(found["boxes"]) > 0
    assert (tmp_path / "1.jpg").is_file()
    with pytest.raises(VistryError, match="masks are only written with export_as_image"):
        vistry.predict(run, image, masks=tmp_path)


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        (OWN_BOXES, ("--tile_overlap_ratio", "0.5"), "tile_overlap_ratio: has no effect without tile_grid_size"),
        (OWN_MASKS, ("--image_type", "PNG"), "image_type: has no effect unless export_as_image is 1"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_what_has_no_effect_on_a_trained_model_is_said(
    command: str, model: str, flags: tuple[str, ...], message: str, trained: Trained, shapes: dict[str, Path]
) -> None:
    data = shapes[task_of(model)]
    asked = data.parent / "1.png" if command == "predict" else data
    result = CliRunner().invoke(main, [command, str(trained(model).run.folder), str(asked), *flags])
    assert result.exit_code == 0, result.output
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning")]
    assert warnings[0].startswith(f"warning: {message}")
    assert all(flags[0].removeprefix("--") in line for line in warnings)


def test_how_masks_are_written_is_nothing_to_metrics(trained: Trained, shapes: dict[str, Path]) -> None:
    run, data = trained(OWN_MASKS).run.folder, shapes["segmentation"]
    result = vistry.evaluate(run, data, export_as_image=True, max_number_of_polygon_points=3)
    names = ("export_as_image", "max_number_of_polygon_points")
    assert result.warnings == tuple(f"{name}: has no effect on metrics; leave it out" for name in names)
    assert vistry.evaluate(run, data, mask_pixel_score_threshold=0.4).warnings == ()


@pytest.mark.parametrize("crowd", [0, 1])
def test_a_split_without_objects_is_refused_before_any_work(
    quick: Quick, crowd: int, shapes: dict[str, Path], tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in shapes["detection"].read_text().splitlines()]
    for row in rows:
        row["image_url"] = str(shapes["detection"].parent / row["image_url"])
    bad = tmp_path / "validation.jsonl"
    objects = [{**label, "isCrowd": 1} for label in rows[0]["label"]] if crowd else []
    bad.write_text(json.dumps({**rows[0], "label": objects}) + "\n")
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows[1:])) + "\n")
    call = {"task": "detection", "model": OWN_BOXES, "validation": bad, "output": tmp_path / "run"}
    with pytest.raises(VistryError, match="validation images has an object that isn't a crowd"):
        vistry.train(data, **call, **quick)
    assert not (tmp_path / "run").exists()
    assert vistry.train(data, **call, **quick, validation_metric_type="none").metrics == {}
