"""Fixtures that the tests of several rooms share."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pycocotools import mask as coco
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.evaluation.detection.types import Detections

Photo = Callable[..., Path]
TINY = Path(__file__).parent / "tiny_plugin"


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Write an image of noise below the test's folder; the same seed gives the same bytes."""

    def write(name: str, seed: int = 0, size: tuple[int, int] = (24, 20), **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


@pytest.fixture
def table_of() -> Callable[..., Table]:
    """A table in memory: one list of class indices a row, and a split a row if not unassigned."""

    def build(labels: Iterable[Iterable[int]], splits: Iterable[str] | None = None, classes: int = 0) -> Table:
        rows = [list(row) for row in labels]
        flat = [label for row in rows for label in row]
        count = max([classes, *(label + 1 for label in flat)])
        assigned = [UNASSIGNED] * len(rows) if splits is None else [SPLITS.index(name) for name in splits]
        return Table(
            root=Path("/data"),
            format="jsonl",
            classes=tuple(f"c{at}" for at in range(count)),
            images=[f"/data/{at}.jpg" for at in range(len(rows))],
            label_starts=np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
            labels=np.array(flat, dtype=np.int32),
            split=np.array(assigned, dtype=np.int8),
            files=(Path("/data/a.jsonl"),),
            file_of=np.zeros(len(rows), dtype=np.int32),
            lines=np.arange(1, len(rows) + 1, dtype=np.int32),
        )

    return build


def make_detections(
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float],
    labels: Sequence[int],
    masks: Sequence[npt.NDArray[np.bool_]] | None = None,
) -> Detections:
    encoded = None if masks is None else [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.array(scores, np.float32), np.array(labels, np.int64), encoded)


@pytest.fixture
def detections() -> Callable[..., Detections]:
    """Boxes, scores, labels and masks [H, W] to Detections."""
    return make_detections


@pytest.fixture(scope="module")
def tiny_plugin() -> Iterator[None]:
    """The tiny plugin, found by discovery in this process and in those it starts."""
    sys.path.insert(0, str(TINY))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TINY), *([before] if before else [])])
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(TINY))
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
