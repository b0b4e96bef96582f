"""A drawn data set that is learned in seconds, with labels that were flipped on purpose, and its cross-validation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from vistry.sweep.folds.session import FoldsResult

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

COLOURS = {"blue": (40, 40, 220), "green": (40, 200, 40), "red": (220, 40, 40)}
SETTINGS: dict[str, Any] = {
    "number_of_epochs": 2,
    "precision": "fp32",
    "training_batch_size": 4,
    "learning_rate_scheduler": "step",
    "optimizer": "adamw",
    "learning_rate": 0.003,
}
FOLDS = 3


@dataclass(frozen=True)
class Drawn:
    """A folder of images, a folder a class, and the names of those that lie in a wrong one."""

    path: Path
    flipped: frozenset[str]


def draw(root: Path, images: int = 72, flipped: int = 4) -> Drawn:
    """Draw noisy images of one of three colours, alike in number; `flipped` of them are in the next class's folder."""
    random, names = np.random.default_rng(0), list(COLOURS)
    wrong = set()
    for number in range(images):
        true = names[number % len(names)]
        is_flipped = number % len(names) == 0 and number // len(names) < flipped
        label = names[(number + 1) % len(names)] if is_flipped else true
        noise = random.normal(0, 20, (16, 16, 3))
        pixels = np.clip(np.array(COLOURS[true]) + noise, 0, 255).astype(np.uint8)
        (root / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / label / f"{number:02d}.png")
        if is_flipped:
            wrong.add(f"{number:02d}.png")
    return Drawn(root, frozenset(wrong))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return draw(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def validated(drawn: Drawn, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> FoldsResult:
    """Three folds of the drawn images, never interrupted."""
    output = tmp_path_factory.mktemp("folds") / "whole"
    return vistry.cross_validate(drawn.path, folds=FOLDS, task="multiclass", model="tiny", output=output, **SETTINGS)
