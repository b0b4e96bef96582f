"""Pictures of squares and discs, drawn on the spot, and trainings on them that tests share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image, ImageDraw
from vistry.runs.folder import Run
from vistry.training.session import TrainingResult
from vistry_yolov5 import torch_model

WIDTH, HEIGHT = 96, 64
GROUND = (30, 30, 40)
# Small pictures in the smallest network, one evaluation: what a test can wait for.
QUICK = {
    "number_of_epochs": 1,
    "image_size": 64,
    "model_size": "small",
    "training_batch_size": 4,
    "validation_batch_size": 4,
    "precision": "fp32",
    "number_of_workers": 1,
}

STEPS = 100
# Of an object that is learned by heart: far above what is served (0.1) and what counts as a hit (0.5).
LEARNED_SCORE, LEARNED_OVERLAP = 0.25, 0.6

Row = dict[str, Any]
Train = Callable[..., TrainingResult]
AsData = Callable[[list[Row]], Path]
Hits = Callable[[list[Row], list[Row]], int]


def label_of(kind: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
    """An object as a line of JSON has it: its box in fractions of the picture."""
    left, top, right, bottom = box
    sides = {"topX": left / WIDTH, "topY": top / HEIGHT, "bottomX": right / WIDTH, "bottomY": bottom / HEIGHT}
    return {"label": kind, "isCrowd": 0, **sides}


def draw_shapes(path: Path, random: np.random.Generator) -> Row:
    """One picture with a light square and a light disc on dark ground, and its line."""
    image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    pen = ImageDraw.Draw(image)
    labels = []
    for half, kind in enumerate(random.permutation(["square", "disc"]).tolist()):
        side = int(random.integers(24, 34))
        left = int(half * WIDTH // 2 + random.integers(2, WIDTH // 2 - side - 2))
        top = int(random.integers(2, HEIGHT - side - 2))
        corners = [left, top, left + side - 1, top + side - 1]
        if kind == "square":
            pen.rectangle(corners, fill=(230, 90, 60))
        else:
            pen.ellipse(corners, fill=(70, 160, 240))
        labels.append(label_of(kind, (left, top, left + side, top + side)))
    image.save(path)
    return {"image_url": str(path), "label": labels}


def draw_bars(path: Path, random: np.random.Generator) -> Row:
    """One picture with two bars, far thinner than any anchor."""
    image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    pen = ImageDraw.Draw(image)
    labels = []
    for half in range(2):
        left, top = int(half * WIDTH // 2 + random.integers(2, 40)), int(random.integers(1, 4))
        box = left, top, left + 2, top + int(random.integers(50, 60))
        pen.rectangle([box[0], box[1], box[2] - 1, box[3] - 1], fill=(200, 200, 90))
        labels.append(label_of("bar", box))
    image.save(path)
    return {"image_url": str(path), "label": labels}


def draw_nothing(path: Path, ground: tuple[int, int, int] = GROUND) -> Row:
    """One picture of the ground alone."""
    Image.new("RGB", (WIDTH, HEIGHT), ground).save(path)
    return {"image_url": str(path), "label": []}


def write_rows(path: Path, rows: list[Row]) -> Path:
    """The lines in a file of JSON Lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def as_data(tmp_path_factory: pytest.TempPathFactory) -> AsData:
    """Writes lines into a data set of their own."""
    return lambda rows: write_rows(tmp_path_factory.mktemp("data") / "data.jsonl", rows)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Lines of ten pictures with a square and a disc each, and of one without objects."""
    root = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    rows = [draw_shapes(root / f"{index}.png", random) for index in range(10)]
    return [*rows, draw_nothing(root / "empty.png")]


@pytest.fixture(scope="session")
def shapes(pictures: list[Row], as_data: AsData) -> Path:
    """The pictures as a data set."""
    return as_data(pictures)


@pytest.fixture(scope="session")
def bars(as_data: AsData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of six pictures whose objects fit none of the usual anchors."""
    root = tmp_path_factory.mktemp("bars")
    random = np.random.default_rng(1)
    return as_data([draw_bars(root / f"{index}.png", random) for index in range(6)])


@pytest.fixture(scope="session")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Lines of five pictures without objects."""
    root = tmp_path_factory.mktemp("grounds")
    return [draw_nothing(root / f"{shade}.png", (shade, 20, 20)) for shade in range(0, 200, 40)]


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """`vistry.train` of the small network on a data set, into a run folder of its own."""

    def call(data: Path, **settings: Any) -> TrainingResult:
        given = {"output": tmp_path_factory.mktemp("runs") / "run", **QUICK, **settings}
        return vistry.train(data, task="detection", model="yolov5", **given)

    return call


@pytest.fixture(scope="session")
def by_heart(pictures: list[Row], as_data: AsData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one picture, in a file that isn't the first of `pictures` and shows the same."""
    return as_data([almost(pictures[0], tmp_path_factory.mktemp("one") / "copy.png")])


def almost(row: Row, path: Path, shade: int = 0) -> Row:
    """A picture but for one pixel, else it would be a leak or a duplicate, and its line."""
    picture = Image.open(row["image_url"])
    picture.putpixel((0, 0), (shade, shade, shade))
    picture.save(path)
    return {**row, "image_url": str(path)}


@pytest.fixture(scope="session")
def learned(
    train: Train, pictures: list[Row], by_heart: Path, as_data: AsData, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run that has seen one picture until it knew it by far, and was measured on its copy.

    Four times a batch, since the variance of the few values that a small picture leaves in the deepest layers is
    estimated well in evaluation only if there are more of them; with norms that forget fast where they began.
    """
    root = tmp_path_factory.mktemp("four")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_model, "BATCH_NORM_MOMENTUM", 0.2)
        run = train(
            as_data([almost(pictures[0], root / f"{shade}.png", shade) for shade in range(1, 5)]),
            validation=by_heart,
            number_of_epochs=STEPS,
            evaluation_frequency=STEPS,
            learning_rate=0.002,
            optimizer="adam",
            apply_mosaic=0,
            apply_augmentations=0,
            early_stopping=0,
        ).run
    [answer] = vistry.predict(run.folder, pictures[0]["image_url"], box_score_threshold=LEARNED_SCORE)
    assert count_hits(pictures[0]["label"], answer["boxes"], LEARNED_OVERLAP) == 2, "the picture isn't learned by far"
    return run


@pytest.fixture
def hits() -> Hits:
    """Counts the labels that boxes hit."""
    return count_hits


def count_hits(labels: list[Row], boxes: list[Row], least: float = 0.5) -> int:
    """How many of the labels have a box of their class that overlaps by more than `least`."""
    return sum(
        any(box["label"] == label["label"] and overlap(label, box["box"]) > least for box in boxes) for label in labels
    )


def overlap(one: Row, two: Row) -> float:
    """The intersection over union of two boxes in fractions."""

    def area(left: float, top: float, right: float, bottom: float) -> float:
        return max(right - left, 0) * max(bottom - top, 0)

    names = ("topX", "topY", "bottomX", "bottomY")
    first, second = ([box[name] for name in names] for box in (one, two))
    shared = area(*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:]))
    return shared / (area(*first) + area(*second) - shared)
