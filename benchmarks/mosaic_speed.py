"""Training samples of YOLOv5's recipe, against the same recipe written step by step with Pillow and numpy.

    python benchmarks/mosaic_speed.py [--size 640] [--images 16] [--samples 24] [--pairs 5]

JPEGs of 640 x 480 pixels with 8 objects each. The peer decodes and resizes four images for every sample, pastes them on
a canvas of twice the size, and takes it through an affine transform, HSV, and a flip, each of the whole picture. In
turn, medians of pairs of processor time, one thread. "cached" is ours with all images in memory, as from the second
epoch on of a data set of up to 2,300 such images; "uncached" decodes as often as the peer. Fails where a ratio is under
its limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from vistry.data.objects import objects_in_memory
from vistry.data.table import UNASSIGNED, Table
from vistry_yolov5.samples import YoloDataset

WIDTH, HEIGHT = 640, 480
OBJECTS = 8
LIMITS = {"cached": 1.5, "uncached": 1.0}
GREY = 114


def make_table(folder: Path, count: int) -> Table:
    """JPEGs of coarse noise made smooth, about as large as photographs, and boxes anywhere in them."""
    random = np.random.default_rng(0)
    names = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8))
        names.append(str(folder / f"{number}.jpg"))
        coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(names[-1], quality=90)
    corner = random.uniform(0, (WIDTH - 64, HEIGHT - 64), (count * OBJECTS, 2))
    boxes = np.hstack([corner, corner + random.uniform(16, 64, corner.shape)])
    return Table(
        root=folder,
        format="jsonl",
        classes=("thing",),
        images=names,
        label_starts=np.arange(count + 1, dtype=np.int64) * OBJECTS,
        labels=np.zeros(count * OBJECTS, dtype=np.int32),
        split=np.full(count, UNASSIGNED, dtype=np.int8),
        files=(),
        file_of=np.zeros(count, dtype=np.int32),
        lines=np.zeros(count, dtype=np.int32),
        objects=objects_in_memory([OBJECTS] * count, boxes, [WIDTH] * count, [HEIGHT] * count),
    )


def peer_sample(table: Table, row: int, size: int, random: np.random.Generator) -> tuple[Any, npt.NDArray[Any]]:
    """[size, size, 3] uint8 and [K, 4] boxes."""
    assert table.objects is not None
    canvas = np.full((2 * size, 2 * size, 3), GREY, dtype=np.uint8)
    across, down = (random.uniform(0.5, 1.5, 2) * size).astype(int).tolist()
    found = []
    for place, source in enumerate([row, *random.integers(len(table), size=3).tolist()]):
        image = Image.open(table.images[source]).convert("RGB")
        scale = size / max(image.size)
        pixels = np.asarray(
            image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        )
        high, wide, _ = pixels.shape
        left, top = across - (0 if place % 2 else wide), down - (0 if place // 2 else high)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + wide, 2 * size), min(top + high, 2 * size)
        canvas[y1:y2, x1:x2] = pixels[y1 - top : y2 - top, x1 - left : x2 - left]
        boxes = table.objects.boxes[table.label_starts[source] : table.label_starts[source + 1]]
        found.append(boxes * scale + [left, top, left, top])
    scale, (x, y) = random.uniform(0.5, 1.5), random.uniform(0.4, 0.6, 2) * size
    matrix = (1 / scale, 0, size - x / scale, 0, 1 / scale, size - y / scale)
    image = Image.fromarray(canvas).transform(
        (size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=(GREY, GREY, GREY)
    )
    image = peer_colours(image, random)
    boxes = (np.concatenate(found) - size) * scale + [x, y, x, y]
    clipped = boxes.clip(0, size)
    sides = clipped[:, 2:] - clipped[:, :2]
    kept = (sides > 2).all(axis=1) & (sides.prod(axis=1) > 0.2 * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    clipped = clipped[kept]
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        clipped[:, [0, 2]] = size - clipped[:, [2, 0]]
    return np.asarray(image), clipped


def peer_colours(image: Image.Image, random: np.random.Generator) -> Image.Image:
    levels = np.arange(256)
    hue, saturation, value = random.uniform(-1, 1, 3) * [0.015, 0.7, 0.4] + 1
    tables = [levels * hue % 256, (levels * saturation).clip(0, 255), (levels * value).clip(0, 255)]
    return image.convert("HSV").point(np.concatenate(tables).astype(int).tolist()).convert("RGB")


def measured(ours: Callable[[], Any], peer: Callable[[], Any], samples: int, pairs: int) -> dict[str, float]:
    """Medians of pairs, the first of which is left out."""
    seconds = []
    for _ in range(pairs + 1):
        began = time.process_time()
        ours()
        middle = time.process_time()
        peer()
        seconds.append((middle - began, time.process_time() - middle))
    return {
        "ratio": round(statistics.median(theirs / own for own, theirs in seconds[1:]), 2),
        "milliseconds_each": round(1000 * statistics.median(own for own, _ in seconds[1:]) / samples, 1),
        "peer_milliseconds_each": round(1000 * statistics.median(theirs for _, theirs in seconds[1:]) / samples, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = make_table(Path(folder), options.images)

        def random(number: int) -> np.random.Generator:
            return np.random.default_rng([0, number])

        def ours(cache_bytes: int) -> Callable[[], Any]:
            settings: dict[str, Any] = {"mosaic": True, "augment": True, "multi_scale": False}
            samples = YoloDataset(table, options.size, 16, cache_bytes=cache_bytes, **settings)
            return lambda: [samples.read(at % options.images, random(at)) for at in range(options.samples)]

        def peer() -> Any:
            numbers = range(options.samples)
            return [peer_sample(table, at % options.images, options.size, random(at)) for at in numbers]

        results = {
            "cached": measured(ours(1 << 30), peer, options.samples, options.pairs),
            "uncached": measured(ours(0), peer, options.samples, options.pairs),
        }
    print(json.dumps({"size": options.size, **results}))
    return 0 if all(results[name]["ratio"] >= limit for name, limit in LIMITS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
