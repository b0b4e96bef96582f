"""Pictures of squares and discs, drawn on the spot, and trainings on them that tests share."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image, ImageDraw
from vistry.runs.folder import Run
from vistry.training.session import TrainingResult

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

PROGRAMS = tempfile.mkdtemp(prefix="vistry-programs-")  # a run that goes on compiles what it did before
atexit.register(shutil.rmtree, PROGRAMS, True)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", PROGRAMS)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

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

# Batch norm's averages, which move by 0.03 a step, have to forget where they began.
STEPS = 300

Row = dict[str, Any]
Train = Callable[..., TrainingResult]
AsData = Callable[[list[Row]], Path]


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
    root = tmp_path_factory.mktemp("one")
    almost = Image.open(pictures[0]["image_url"])
    almost.putpixel((0, 0), (0, 0, 0))  # else it would be a leak
    almost.save(root / "copy.png")
    return as_data([{**pictures[0], "image_url": str(root / "copy.png")}])


@pytest.fixture(scope="session")
def learned(train: Train, pictures: list[Row], by_heart: Path, as_data: AsData) -> Run:
    """A run that has seen one picture until it knew it, and was measured on its copy."""
    return train(
        as_data(pictures[:1]),
        validation=by_heart,
        number_of_epochs=STEPS,
        evaluation_frequency=STEPS,
        learning_rate=0.001,
        optimizer="adam",
        apply_mosaic=0,
        apply_augmentations=0,
        early_stopping=0,
    ).run
