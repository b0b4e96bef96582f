"""Operating points of runs: chosen, kept, shown, removed, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support
from vistry.cli import main
from vistry.errors import RunError, VistryError
from vistry.evaluation.detection.types import Detections, GroundTruth, ImageDetections
from vistry.runs.detection_tensors import to_tensors
from vistry.runs.folder import Run
from vistry.runs.thresholds import thresholds_of

MULTICLASS, MULTILABEL, DETECTION = (
    "image_classification",
    "image_classification_multilabel",
    "image_object_detection",
)
COLOURS = ("red", "green", "blue")


@pytest.fixture
def multilabel(run_of: Callable[..., Run]) -> Run:
    random = np.random.default_rng(1)
    targets = (random.random((80, 3)) < [0.5, 0.3, 0.2]).astype(np.float32)
    scores = np.clip(targets * 0.25 + random.random((80, 3)) * 0.75, 0.001, 0.999)
    return run_of(MULTILABEL, COLOURS, {"predictions": scores.astype(np.float32), "targets": targets})


@pytest.fixture
def two_classes(run_of: Callable[..., Run]) -> Run:
    """Six images: three dogs at 0.9, 0.8 and 0.4, three cats whose probability of dog is 0.6, 0.3 and 0.1."""
    dog = np.array([0.9, 0.8, 0.4, 0.6, 0.3, 0.1], np.float32)
    tensors = {"predictions": np.stack([1 - dog, dog], axis=1), "targets": np.array([1, 1, 1, 0, 0, 0])}
    return run_of(MULTICLASS, ("cat", "dog"), tensors)


def objects(*boxes: tuple[float, float, float, float], labels: list[int], crowd: list[bool]) -> GroundTruth:
    count = len(labels)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    areas = np.ones(count, np.float32)
    return GroundTruth(corners, np.array(labels, np.int64), crowd=np.array(crowd, np.bool_), areas=areas)


def boxes(*rows: tuple[float, float, float, float], scores: list[float], labels: list[int]) -> ImageDetections:
    corners = np.array(rows, np.float32).reshape(-1, 4)
    return ImageDetections(Detections(corners, np.array(scores, np.float32), np.array(labels, np.int64)), 100, 100)


A, B, C, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (80, 80, 90, 90)


@pytest.fixture
def detection(run_of: Callable[..., Run]) -> Run:
    """Four objects that count, and seven detections, of which one is on a crowd.

    By score: 0.9 hit of a can, 0.8 a second time the same, 0.7 hit of a box, 0.6 nothing there, 0.5 hit of a can, 0.4
    of the wrong class; the box of image 2 isn't detected. So precision is 1, 1/2, 2/3, 2/4, 3/5, 3/6, and recall 1/4,
    1/4, 2/4, 2/4, 3/4, 3/4.
    """
    truth = [
        objects(A, B, C, labels=[0, 1, 0], crowd=[False, False, True]),
        objects(A, labels=[0], crowd=[False]),
        objects(B, labels=[1], crowd=[False]),
    ]
    detections = [
        boxes(A, A, B, C, FAR, scores=[0.9, 0.8, 0.7, 0.65, 0.6], labels=[0, 0, 1, 0, 0]),
        boxes(A, scores=[0.5], labels=[0]),
        boxes(B, scores=[0.4], labels=[0]),
    ]
    return run_of(DETECTION, ("can", "box"), to_tensors(detections, truth))


def kept(run: Run) -> Any:
    return json.loads((run.folder / "thresholds.json").read_text())


def tensors_of(run: Run) -> tuple[Any, Any]:
    from vistry.runs.checkpoint import read_checkpoint

    tensors, _ = read_checkpoint(run.folder / "predictions.safetensors")
    return tensors["predictions"], tensors["targets"] > 0.5


def test_one_threshold_for_all_classes_is_kept(multilabel: Run) -> None:
    result = vistry.threshold(multilabel.folder, precision=0.9)
    scores, truth = tensors_of(multilabel)
    precision, recall, _ = precision_recall_curve(truth.ravel(), scores.ravel())
    assert result.point is not None
    chosen = result.point.threshold
    reached = precision_recall_fscore_support(truth, scores > chosen, average="micro")
    assert reached[0] >= 0.9
    assert reached[1] == pytest.approx(recall[:-1][precision[:-1] >= 0.9].max())
    figures = result.point.figures
    assert (figures.precision, figures.recall, figures.f1) == pytest.approx(reached[:3])
    for value, interval in (
        (figures.precision, figures.precision_interval),
        (figures.recall, figures.recall_interval),
        (figures.f1, figures.f1_interval),
    ):
        assert value is not None
        assert interval is not None
        assert 0 < interval[0] < value < interval[1] <= 1
    file = kept(multilabel)
    assert file["schema"] == 1
    assert file["thresholds"] == dict.fromkeys(COLOURS, chosen) == result.thresholds
    assert file["epoch"] == 3
    assert file["images"] == 80
    [point] = file["points"]
    assert (point["aim"], point["target"], point["threshold"]) == ("precision", 0.9, chosen)


def test_a_class_has_its_own_beside_the_others(multilabel: Run) -> None:
    vistry.threshold(multilabel.folder, f1=True)
    everywhere = kept(multilabel)["thresholds"]["red"]
    result = vistry.threshold(multilabel.folder, recall=0.95, class_name="green")
    scores, truth = tensors_of(multilabel)
    assert kept(multilabel)["thresholds"] == {"red": everywhere, "green": result.point.threshold, "blue": everywhere}
    assert (truth[:, 1] & (scores[:, 1] > result.point.threshold)).sum() / truth[:, 1].sum() >= 0.95
    assert [point.get("class_name") for point in kept(multilabel)["points"]] == [None, "green"]
    vistry.threshold(multilabel.folder, recall=0.9, class_name="green")
    assert [point.get("target") for point in kept(multilabel)["points"]] == [None, 0.9]
    vistry.threshold(multilabel.folder, recall=0.9)
    assert len(set(kept(multilabel)["thresholds"].values())) == 1
    assert len(kept(multilabel)["points"]) == 1


def test_without_a_choice_nothing_changes(multilabel: Run) -> None:
    result = vistry.threshold(multilabel.folder)
    assert not (multilabel.folder / "thresholds.json").exists()
    assert (result.record, result.thresholds) == (None, dict.fromkeys(COLOURS, 0.5))
    scores, truth = tensors_of(multilabel)
    table = dict(result.table)
    assert list(table) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    for value, figures in table.items():
        expected = precision_recall_fscore_support(truth, scores > np.float32(value), average="micro")[:3]
        assert (figures.precision, figures.recall, figures.f1) == pytest.approx(expected)


def test_it_is_removed(multilabel: Run) -> None:
    vistry.threshold(multilabel.folder, f1=True)
    assert "Operating points" in (multilabel.folder / "report.html").read_text()
    result = vistry.threshold(multilabel.folder, reset=True)
    assert result.thresholds == dict.fromkeys(COLOURS, 0.5)
    assert not (multilabel.folder / "thresholds.json").exists()
    assert "Operating points" not in (multilabel.folder / "report.html").read_text()
    vistry.threshold(multilabel.folder, reset=True)


def test_a_target_out_of_reach_names_the_best(multilabel: Run) -> None:
    scores, truth = tensors_of(multilabel)
    truth[scores[:, 2].argmax(), 2] = False
    precision, _, _ = precision_recall_curve(truth[:, 2], scores[:, 2])
    best = precision[:-1].max()
    from vistry.runs.checkpoint import read_checkpoint, write_checkpoint

    path = multilabel.folder / "predictions.safetensors"
    tensors, facts = read_checkpoint(path)
    write_checkpoint(path, {**tensors, "targets": truth.astype(np.float32)}, facts)
    assert best < 0.99
    with pytest.raises(VistryError, match="no threshold gives a precision of 'blue' of 0.99 on the 80") as error:
        vistry.threshold(multilabel.folder, precision=0.99, class_name="blue")
    named = float(str(error.value).split("the highest is ")[1].split(",")[0])
    assert best - 1e-4 <= named <= best
    assert vistry.threshold(multilabel.folder, precision=named, class_name="blue").point is not None


def test_of_two_classes_one_passes(two_classes: Run) -> None:
    result = vistry.threshold(two_classes.folder, precision=1.0, class_name="dog")
    assert result.point.threshold == 0.7
    assert kept(two_classes)["thresholds"] == {"cat": 0.3, "dog": 0.7}
    assert (result.point.figures.precision, result.point.figures.recall) == (1.0, pytest.approx(2 / 3))
    vistry.threshold(two_classes.folder, recall=1.0, class_name="dog")
    assert kept(two_classes)["thresholds"] == {"cat": 0.65, "dog": 0.35}
    assert len(kept(two_classes)["points"]) == 1
    assert vistry.threshold(two_classes.folder).class_name == "dog"


def test_of_two_classes_one_is_named(two_classes: Run) -> None:
    with pytest.raises(VistryError, match="name the one that its threshold decides on, --class 'cat' or --class 'dog'"):
        vistry.threshold(two_classes.folder, precision=0.9)


def test_of_three_exclusive_classes_none_has_a_threshold(run_of: Callable[..., Run]) -> None:
    run = run_of(MULTICLASS, COLOURS, {"predictions": np.eye(3, dtype=np.float32), "targets": np.arange(3)})
    with pytest.raises(VistryError, match="gets the likeliest of 3 classes, so there is no threshold to choose"):
        vistry.threshold(run.folder, precision=0.9)


@pytest.mark.parametrize(
    ("aim", "threshold", "precision", "recall"),
    [
        ({"precision": 0.66}, 0.65, 2 / 3, 2 / 4),
        ({"precision": 0.6}, 0.45, 3 / 5, 3 / 4),
        ({"precision": 0.9}, 0.85, 1.0, 1 / 4),
        ({"recall": 0.5}, 0.65, 2 / 3, 2 / 4),
        ({"recall": 0.75}, 0.45, 3 / 5, 3 / 4),
        ({"f1": True}, 0.45, 3 / 5, 3 / 4),
    ],
)
def test_detections_are_judged_by_hand(
    detection: Run, aim: dict[str, Any], threshold: float, precision: float, recall: float
) -> None:
    point = vistry.threshold(detection.folder, **aim).point
    assert point.threshold == threshold
    assert (point.figures.precision, point.figures.recall) == pytest.approx((precision, recall))
    assert kept(detection)["iou_threshold"] == 0.5


def test_a_class_of_detections(detection: Run) -> None:
    """Cans: 0.9 hit, 0.8 no, 0.6 no, 0.5 hit, 0.4 no; two to find. Boxes keep the run's own threshold."""
    point = vistry.threshold(detection.folder, recall=1.0, class_name="can").point
    assert (point.threshold, point.figures.precision) == (0.45, 0.5)
    own = detection.hyperparameters["box_score_threshold"].value
    assert kept(detection)["thresholds"] == {"can": 0.45, "box": own}
    with pytest.raises(VistryError, match="a recall of 'box' of 1 on the 3 validation images; the highest is 0.5000"):
        vistry.threshold(detection.folder, recall=1.0, class_name="box")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"precision": 0.9, "recall": 0.9}, "--precision and --recall: give one of them"),
        ({"f1": True, "reset": True}, "--f1 and --reset: give one of them"),
        ({"class_name": "red", "reset": True}, "--reset removes what was chosen for every class; leave out --class"),
        ({"precision": 95}, "precision = 95: must be a number above 0 and at most 1, such as 0.95"),
        ({"recall": 0.0}, "recall = 0.0: must be"),
        ({"precision": float("nan")}, "precision = nan: must be"),
        ({"f1": True, "class_name": "gren"}, "run has no class 'gren'; did you mean 'green'?"),
    ],
)
def test_what_is_wrong_is_said(multilabel: Run, given: dict[str, Any], message: str) -> None:
    with pytest.raises(VistryError, match=message.replace("?", r"\?")):
        vistry.threshold(multilabel.folder, **given)
    assert not (multilabel.folder / "thresholds.json").exists()


def test_a_class_without_images_is_said(run_of: Callable[..., Run]) -> None:
    targets = np.array([[1, 0], [1, 0]], np.float32)
    run = run_of(MULTILABEL, ("red", "blue"), {"predictions": targets * 0.5 + 0.1, "targets": targets})
    with pytest.raises(VistryError, match="the validation images have no 'blue', so no threshold can be chosen"):
        vistry.threshold(run.folder, f1=True, class_name="blue")


def test_a_run_without_predictions_is_said(multilabel: Run) -> None:
    (multilabel.folder / "predictions.safetensors").unlink()
    with pytest.raises(RunError, match=r"no predictions\.safetensors: no evaluation was finished"):
        vistry.threshold(multilabel.folder)


def test_thresholds_of_other_weights_dont_count(multilabel: Run) -> None:
    vistry.threshold(multilabel.folder, f1=True)
    assert thresholds_of(multilabel, 3) is not None
    with pytest.raises(RunError, match="for the weights of epoch 4, and the best are now those of epoch 8; choose"):
        thresholds_of(multilabel, 7)
    record = multilabel.thresholds
    assert record is not None
    multilabel.write_thresholds(replace(record, epoch=1))
    with pytest.raises(RunError, match="for the weights of epoch 2"):
        vistry.threshold(multilabel.folder)
    vistry.report(multilabel.folder)
    assert "aren't used: " in (multilabel.folder / "report.html").read_text().replace("&#39;", "'")
    point = vistry.threshold(multilabel.folder, recall=0.9, class_name="red").point
    assert kept(multilabel)["thresholds"] == {"red": point.threshold, "green": 0.5, "blue": 0.5}
    assert kept(multilabel)["epoch"] == 3


@pytest.mark.parametrize("change", [{"red": 2.0}, {"pink": 0.5}, {"red": None}, {"red": "0.5"}])
def test_a_damaged_file_is_said_and_can_be_removed(multilabel: Run, change: dict[str, Any]) -> None:
    vistry.threshold(multilabel.folder, f1=True)
    file = kept(multilabel)
    (multilabel.folder / "thresholds.json").write_text(json.dumps(file | {"thresholds": file["thresholds"] | change}))
    with pytest.raises(RunError, match=r"invalid .*thresholds\.json"):
        thresholds_of(multilabel, 3)
    vistry.threshold(multilabel.folder, reset=True)
    assert thresholds_of(multilabel, 3) is None


def test_the_command_says_what_it_chose(multilabel: Run) -> None:
    call = CliRunner().invoke
    chosen = call(main, ["threshold", str(multilabel.folder), "--precision", "0.9"]).output
    value = kept(multilabel)["points"][0]["threshold"]
    assert f"precision 0.9 for all classes: threshold {value:g}, on 80 validation images" in chosen
    assert "95 % interval" in chosen
    shown = call(main, ["threshold", str(multilabel.folder)]).output
    assert f"chosen: {value:g} for all classes" in shown
    listing = json.loads(call(main, ["threshold", str(multilabel.folder), "--json"]).output)
    assert listing["schema"] == 1
    assert listing["thresholds"] == dict.fromkeys(COLOURS, value)
    assert [row["threshold"] for row in listing["table"]] == sorted({value, *(step / 10 for step in range(1, 10))})
    assert "nothing chosen: 0.5 for all classes" in call(main, ["threshold", str(multilabel.folder), "--reset"]).output
    failed = call(main, ["threshold", str(multilabel.folder), "--precision", "2"])
    assert failed.exit_code == 2
    assert "Traceback" not in failed.output
