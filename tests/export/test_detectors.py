"""A detector as one ONNX file: it finds in images of any size what its run finds, in pixels of each."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import vistry
from PIL import Image, ImageDraw
from vistry.data.images.decode import load_pixels
from vistry.errors import VistryError
from vistry.evaluation.detection.types import Detections
from vistry.export.detection_matching import match
from vistry.export.onnx_format.network import (
    detector_interface,
    exported_network,
    named_outputs,
    said_in_a_sentence,
)
from vistry.hyperparameter.schema import Source
from vistry.loading.batches import ImageBatch
from vistry.registry.catalogue import Catalogue
from vistry.runs.folder import Run
from vistry.training.model_context import ModelContext

TINY = Path(__file__).parents[1] / "tiny_backbone"
QUICK: dict[str, Any] = {
    "number_of_epochs": 4,
    "min_size": 64,
    "max_size": 100,
    "training_batch_size": 4,
    "learning_rate": 0.01,
    "precision": "fp32",
    "weights": "none",
    "box_detections_per_image": 20,
    "box_score_threshold": 0.1,
}


SIZES = ("min_size", "max_size", "box_detections_per_image")  # which YOLOv5 has no use for


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Light squares on dark ground, in pictures of several sizes, as JSON Lines."""
    folder, random = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    rows = []
    for number in range(12):
        width, height = random.integers(60, 130, 2).tolist()
        side = int(random.integers(24, 40))
        left, top = int(random.integers(0, width - side)), int(random.integers(0, height - side))
        image = Image.new("RGB", (width, height), (30, 30, 40))
        ImageDraw.Draw(image).rectangle([left, top, left + side - 1, top + side - 1], fill=(230, 90, 60))
        image.save(folder / f"{number}.png")
        corners = {"topX": left / width, "topY": top / height}
        corners |= {"bottomX": (left + side) / width, "bottomY": (top + side) / height}
        rows.append({"image_url": f"{number}.png", "label": [{"label": "square", "isCrowd": 0, **corners}]})
    data = folder / "data.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return data


@pytest.fixture(scope="module")
def tiny_backbone() -> Iterator[None]:
    sys.path.insert(0, str(TINY))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(TINY))


def trained(model: str, data: Path, output: Path, **settings: Any) -> Run:
    return vistry.train(data, task="detection", model=model, output=output, **{**QUICK, **settings}).run


@pytest.fixture(scope="module")
def run(pictures: Path, tiny_backbone: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a stranger's detector, whose plugin has the hook."""
    return trained("tinyboxes", pictures, tmp_path_factory.mktemp("export") / "run")


@pytest.fixture(scope="module")
def file(run: Run) -> Path:
    exported = vistry.export(run.folder)
    assert exported.parity.detections
    assert exported.parity.max_pixels is not None
    return exported.files[0]


def check_answers(run: Run, file: Path, pictures: Path, threshold: float) -> None:
    """Both answer images of many sizes alike, one at a time and several of one size."""
    images = sorted(pictures.parent.glob("*.png"))
    for of_run, of_file in zip(vistry.load(run.folder).predict(images), vistry.load(file).predict(images), strict=True):
        assert (of_run.values.width, of_run.values.height) == (of_file.values.width, of_file.values.height)
        matching = match(of_run.values.detections, of_file.values.detections, threshold=threshold)
        assert matching.expected > 0
        assert matching.unmatched <= 0.02 * matching.expected  # of equal scores another may be among the last ones
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_outputs()]
    assert names == ["boxes", "scores", "labels", "batch_index"]
    pixels = load_pixels(images[0])
    alone, three = (
        dict(zip(names, session.run(None, {"images": np.stack(batch)}), strict=True))
        for batch in ([pixels], [pixels[:, ::-1], pixels, pixels])
    )
    for image in (1, 2):
        rows = three["batch_index"] == image
        np.testing.assert_allclose(three["boxes"][rows], alone["boxes"], atol=0.01)
        np.testing.assert_allclose(three["scores"][rows], alone["scores"], atol=1e-4)
    height, width, _ = pixels.shape
    assert (alone["boxes"] >= 0).all()
    assert (alone["boxes"] <= [width, height, width, height]).all()


def test_a_strangers_detector_with_its_hook(run: Run, file: Path, pictures: Path) -> None:
    check_answers(run, file, pictures, threshold=0.02)


def test_predict_and_evaluate_take_the_file(run: Run, file: Path, pictures: Path) -> None:
    image = pictures.parent / "0.png"
    [of_run], [of_file] = vistry.predict(run.folder, image), vistry.predict(file, image)
    assert list(of_file) == list(of_run)
    assert len(of_run["boxes"]) == len(of_file["boxes"]) > 0
    for ours, theirs in zip(of_file["boxes"], of_run["boxes"], strict=True):
        assert list(ours) == list(theirs)
        assert ours["label"] == theirs["label"]
    assert vistry.predict(file, image, threshold=0.99)[0]["boxes"] == []
    assert vistry.predict(file, image, box_score_threshold="0.99")[0]["boxes"] == []
    ours, theirs = (vistry.evaluate(name, pictures, include_training=True) for name in (file, run.folder))
    assert list(ours.metrics) == list(theirs.metrics)
    assert ours.metrics["mean_average_precision"] == pytest.approx(theirs.metrics["mean_average_precision"], abs=0.02)
    with pytest.raises(VistryError, match="min_size: can't be changed for an exported file"):
        vistry.predict(file, image, min_size=32)
    with pytest.raises(VistryError, match="box_score_threshold: 2, from the call, must be"):
        vistry.predict(file, image, box_score_threshold=2)


@pytest.mark.long
def test_yolov5_whose_plugin_makes_squares(pictures: Path, tmp_path: Path) -> None:
    settings = {name: value for name, value in QUICK.items() if name not in SIZES}
    settings |= {"model_size": "small", "image_size": 96, "number_of_epochs": 1}
    output = tmp_path / "run"
    run = vistry.train(pictures, task="detection", model="yolov5", output=output, **settings).run
    check_answers(run, vistry.export(run.folder).files[0], pictures, threshold=-0.03)


@pytest.mark.long
@pytest.mark.parametrize("model", ["retinanet_tinybone_fpn", "fasterrcnn_tinybone_fpn"])
def test_a_network_on_a_strangers_backbone(model: str, tiny_backbone: None, tmp_path: Path) -> None:
    """With random weights and images of noise, where no two scores are quite equal."""
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model(model), task="image_object_detection", backend="torch")
    values = {"weights": "none", "box_score_threshold": 0.0, "box_detections_per_image": 100}
    context = context.resolved([Source.of(values, "the test")])
    trained = context.module(3).eval()
    with said_in_a_sentence(model, tmp_path):
        network = exported_network(named_outputs(trained, context.exportable(trained)), detector_interface(None), 20)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    random = torch.Generator().manual_seed(1)
    for count, height, width in ((1, 192, 256), (3, 128, 96)):
        pixels, sizes = torch.randn(count, 3, height, width, generator=random), [(height, width)] * count
        with torch.inference_mode():
            expected = trained(ImageBatch(pixels, sizes))
        boxes, scores, labels = session.run(None, {"pixels": pixels.numpy(), "sizes": np.array(sizes)})
        for image, output in enumerate(expected):
            rows = labels[image] >= 0
            ours = Detections(boxes[image][rows], scores[image][rows], labels[image][rows])
            theirs = Detections(*(output[name].numpy() for name in ("boxes", "scores", "labels")))
            matching = match(theirs, ours, threshold=-1)
            # A hundred are taken of thousands with nearly equal scores, so others may be among the last of them.
            assert matching.unmatched <= 0.1 * matching.expected
            assert max(matching.pixels_apart) < 0.05
