"""Merging 20,000 boxes found in 7 tiles; beside it SAHI's suppression and merging, and torchvision's suppression.

    python benchmarks/tile_merging.py [--boxes 20000] [--classes 80] [--rounds 5]

SAHI is compared where it can be imported. Installed as usual it brings a second OpenCV; this keeps it apart:

    pip install --no-deps --target /tmp/sahi sahi shapely opencv-python-headless requests tqdm
    PYTHONPATH=/tmp/sahi python benchmarks/tile_merging.py

Prints one JSON line with median milliseconds of one processor: of merging by our rule, by which boxes of one tile never
remove each other; of the same function as plain suppression by class, which is what the peers do (every box in a tile
of its own); and of the peers. `ratios` says how many times longer than that each takes. Fails where a suppression keeps
other boxes than ours, or ours takes longer than LIMIT_SECONDS.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torchvision.ops import batched_nms
from vistry.loading.detection.tiles import nms_across_tiles, tile_boxes
from vistry.registry.tile_grid import TileGrid

LIMIT_SECONDS = 1
IOU = 0.25
WIDTH, HEIGHT = 4000, 3000


class Found(NamedTuple):
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    tile_of: npt.NDArray[np.int64]


def make_scene(count: int, classes: int) -> Found:
    """Small objects, each found with a few pixels of error in the whole image and in every tile that shows it."""
    random = np.random.default_rng(0)
    corner = random.uniform(0, (WIDTH - 100, HEIGHT - 100), (count, 2))
    objects = np.hstack([corner, corner + random.uniform(8, 100, (count, 2))])
    labels = random.integers(0, classes, count)
    views = np.vstack([[[0, 0, WIDTH, HEIGHT]], tile_boxes(WIDTH, HEIGHT, TileGrid(3, 2), 0.25)])
    of_object, of_tile = np.nonzero(
        (objects[:, None, :2] < views[:, 2:]).all(axis=2) & (objects[:, None, 2:] > views[:, :2]).all(axis=2)
    )
    of_object, of_tile = of_object[:count], of_tile[:count]
    seen = np.clip(objects[of_object], views[of_tile][:, [0, 1, 0, 1]], views[of_tile][:, [2, 3, 2, 3]])
    boxes = (seen + random.normal(0, 2, seen.shape)).astype(np.float32)
    scores = random.permutation(count).astype(np.float32) / count
    return Found(boxes, scores, labels[of_object], of_tile)


def suppressions(found: Found) -> dict[str, Callable[[], Any]]:
    """Plain suppression by class, by name: ours first, then the peers'; each gives the indices it keeps."""
    boxes, scores, labels, _ = found
    tensors = [torch.from_numpy(column) for column in (boxes, scores, labels)]
    alone = np.arange(len(boxes))
    work: dict[str, Callable[[], Any]] = {
        "ours as suppression": lambda: nms_across_tiles(boxes, scores, labels, alone, IOU),
        "torchvision batched_nms": lambda: batched_nms(*tensors, IOU),
    }
    if (sahi := sahi_functions()) is not None:
        rows = np.column_stack([boxes, scores, labels.astype(np.float32)])
        work["sahi batched_nms"] = lambda: sahi.batched_nms(rows, "IOU", IOU)
        work["sahi batched_greedy_nmm"] = lambda: list(sahi.batched_greedy_nmm(rows, "IOU", IOU))
    return work


def sahi_functions() -> Any:
    try:
        from sahi.postprocess import combine
    except ImportError:
        return None
    return combine


def timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = make_scene(options.boxes, options.classes)
    plain = suppressions(found)
    kept = {name: sorted(np.asarray(work()).tolist()) for name, work in plain.items()}
    equal = {name: indices == kept["ours as suppression"] for name, indices in kept.items() if "nms" in name}
    everything = {"ours": lambda: nms_across_tiles(*found, IOU), **plain}
    seconds: dict[str, list[float]] = {name: [] for name in everything}
    for _ in range(options.rounds):
        for name, work in everything.items():
            seconds[name].append(timed(work))
    median = {name: statistics.median(times) for name, times in seconds.items()}
    result = {
        "boxes": options.boxes,
        "kept": len(nms_across_tiles(*found, IOU)),
        "milliseconds": {name: round(1000 * value, 1) for name, value in median.items()},
        "ratios": {name: round(value / median["ours as suppression"], 1) for name, value in median.items()},
        "equal": equal,
    }
    print(json.dumps(result))
    return 0 if all(equal.values()) and median["ours"] < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
