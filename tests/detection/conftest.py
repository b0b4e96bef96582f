"""Pictures of squares and discs, drawn on the spot, and a backbone that trains on them in seconds."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image, ImageDraw

os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = Path(__file__).parent.parent / "tiny_backbone"
IMAGES = 10
WIDTH, HEIGHT = 96, 64
# Small pictures, one evaluation at the end, one class of proposals each: what a test can wait for.
QUICK = {
    "number_of_epochs": 1,
    "min_size": 64,
    "max_size": 96,
    "training_batch_size": 4,
    "validation_batch_size": 4,
    "learning_rate": 0.01,
    "precision": "fp32",
    "weights": "none",
    "box_detections_per_image": 20,
}


def task_of(model: str) -> str:
    return "segmentation" if "mask" in model else "detection"


@pytest.fixture(scope="module", autouse=True)
def tiny_backbone() -> Iterator[None]:
    """The tiny backbone, found by discovery in this process, and gone before another folder's tests."""
    sys.path.insert(0, str(TINY))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(TINY))


@pytest.fixture
def few_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two-stage detectors look at tens of regions an image, and not at thousands: what a test can wait for."""
    from vistry.torch_layers import TwoStage

    make = TwoStage.__init__

    def with_few_regions(self: Any, model: Any) -> None:
        make(self, model)
        few = {"training": 60, "testing": 60}
        self.rpn._pre_nms_top_n, self.rpn._post_nms_top_n = few, few
        self.roi_heads.fg_bg_sampler.batch_size_per_image = 16

    monkeypatch.setattr(TwoStage, "__init__", with_few_regions)


def draw(path: Path, random: np.random.Generator, width: int = WIDTH, height: int = HEIGHT) -> list[dict[str, Any]]:
    """One picture with a light square and a light disc on dark ground; its labels with polygons in fractions."""
    image = Image.new("RGB", (width, height), (30, 30, 40))
    pen = ImageDraw.Draw(image)
    labels = []
    for half, kind in enumerate(random.permutation(["square", "disc"]).tolist()):
        side = int(random.integers(24, 34))
        left = int(half * width // 2 + random.integers(2, width // 2 - side - 2))
        top = int(random.integers(2, height - side - 2))
        colour = (230, 90, 60) if kind == "square" else (70, 160, 240)
        if kind == "square":
            pen.rectangle([left, top, left + side - 1, top + side - 1], fill=colour)
            corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * side
        else:
            pen.ellipse([left, top, left + side - 1, top + side - 1], fill=colour)
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            corners = (np.stack([np.cos(turns), np.sin(turns)], axis=1) + 1) / 2 * side
        ring = (corners + np.array([left, top])) / [width, height]
        labels.append({"label": kind, "isCrowd": 0, "polygon": [np.clip(ring, 0, 1).reshape(-1).tolist()]})
    image.save(path)
    return labels


def boxed(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same objects as boxes."""
    found = []
    for label in labels:
        ring = np.array(label["polygon"][0]).reshape(-1, 2)
        (left, top), (right, bottom) = ring.min(axis=0), ring.max(axis=0)
        sides = {"topX": left, "topY": top, "bottomX": right, "bottomY": bottom}
        found.append({"label": label["label"], "isCrowd": label["isCrowd"], **sides})
    return found


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ten pictures, the last without objects, as JSON Lines for each task."""
    root = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    rows = []
    for index in range(IMAGES):
        path = root / f"{index}.png"
        rows.append((path.name, draw(path, random)))
    empty = root / "empty.png"
    Image.new("RGB", (WIDTH, HEIGHT), (30, 30, 40)).save(empty)
    rows.append((empty.name, []))
    paths = {}
    for task, change in (("detection", boxed), ("segmentation", list)):
        paths[task] = root / f"{task}.jsonl"
        lines = [json.dumps({"image_url": name, "label": change(labels)}) for name, labels in rows]
        paths[task].write_text("\n".join(lines) + "\n")
    return paths


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def quick() -> dict[str, Any]:
    return dict(QUICK)


@pytest.fixture(scope="session")
def trained(shapes: dict[str, Path], runs_folder: Path) -> Callable[..., Any]:
    """A training of a detector on the pictures, made once for each set of settings."""
    known: dict[str, Any] = {}

    def train(model: str, **settings: Any) -> Any:
        key = json.dumps([model, settings], sort_keys=True)
        if key not in known:
            task = task_of(model)
            output = runs_folder / f"run{len(known)}"
            known[key] = vistry.train(shapes[task], task=task, model=model, output=output, **{**QUICK, **settings})
        return known[key]

    return train
