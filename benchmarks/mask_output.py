"""Masks of a Mask R-CNN paste into the image and made polygons, against torchvision and scikit-image.

    python benchmarks/mask_output.py [--detections 100] [--pairs 5]

An image of 800 x 1066 with round objects of 16 to 500 pixels. The peer pastes with torchvision into whole images and
takes the contours of whole masks with scikit-image, simplify with tolerances 0, 1, 2, ... until they have at most
100 points. In turn, medians of pairs, one thread; both start from the same predicted masks. "paste" is bool masks,
"run_lengths" goes on to COCO's (the peer's by pycocotools). Fails where a pixel differs, or a ratio is under its limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco
from skimage.measure import approximate_polygon, find_contours
from torchvision.models.detection.roi_heads import paste_masks_in_image
from vistry.data.masks.paste import paste, run_lengths
from vistry.data.masks.polygons import rle_to_polygons
from vistry.data.masks.rle import rings_to_mask

WIDTH, HEIGHT = 1066, 800
SIDE = 28
THRESHOLD = 0.5
MAX_POINTS = 100
ROUNDS = 25
LIMITS = {"paste": 4.0, "run_lengths": 4.0, "polygons": 2.0}
Arrays = tuple[np.ndarray, np.ndarray]


def make_detections(count: int) -> Arrays:
    """[K, 28, 28] probabilities that fall off from the centre, with noise, and [K, 4] boxes."""
    random = np.random.default_rng(0)
    sides = np.exp(random.uniform(np.log(16), np.log(500), (count, 2)))
    centres = random.uniform(0, 1, (count, 2)) * (WIDTH, HEIGHT)
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).clip(0, [WIDTH, HEIGHT] * 2)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    logits = 6 - np.hypot(x, y) ** 2 / 25 + random.normal(0, 0.5, (count, SIDE, SIDE))
    return (1 / (1 + np.exp(-logits))).astype(np.float32), boxes.astype(np.float32)


def peer_paste(masks: np.ndarray, boxes: np.ndarray) -> torch.Tensor:
    """[K, H, W] bool."""
    whole = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (HEIGHT, WIDTH), padding=1)
    return (whole > THRESHOLD)[:, 0]


def peer_run_lengths(masks: np.ndarray, boxes: np.ndarray) -> list[dict[str, Any]]:
    return [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in peer_paste(masks, boxes).numpy()]


def peer_polygons(masks: list[np.ndarray]) -> list[list[np.ndarray]]:
    return [[simplify(contour) for contour in find_contours(np.pad(mask, 1), 0.5)] for mask in masks]


def simplify(contour: np.ndarray) -> np.ndarray:
    """[P, 2] x and y at the edges of pixels."""
    for tolerance in range(ROUNDS):
        points = approximate_polygon(contour, tolerance)
        if len(points) <= MAX_POINTS:
            break
    return points[:, ::-1] - 0.5


def our_paste(masks: np.ndarray, boxes: np.ndarray) -> list[Any]:
    return [paste(mask, box, WIDTH, HEIGHT, THRESHOLD) for mask, box in zip(masks, boxes, strict=True)]


def our_run_lengths(masks: np.ndarray, boxes: np.ndarray) -> list[dict[str, Any]]:
    return [run_lengths(mask, box, WIDTH, HEIGHT, THRESHOLD) for mask, box in zip(masks, boxes, strict=True)]


def measured(ours: Callable[[], Any], peer: Callable[[], Any], pairs: int) -> dict[str, float]:
    """Medians of pairs, the first of which is left out."""
    seconds = []
    for _ in range(pairs + 1):
        began = time.perf_counter()
        ours()
        middle = time.perf_counter()
        peer()
        seconds.append((middle - began, time.perf_counter() - middle))
    return {
        "ratio": round(statistics.median(theirs / own for own, theirs in seconds[1:]), 1),
        "milliseconds": round(1000 * statistics.median(own for own, _ in seconds[1:]), 1),
        "peer_milliseconds": round(1000 * statistics.median(theirs for _, theirs in seconds[1:]), 1),
    }


def overlap(polygons: list[list[np.ndarray]], masks: list[np.ndarray]) -> float:
    """The mean intersection over union of masks and their polygons, filled again."""
    values = []
    for rings, mask in zip(polygons, masks, strict=True):
        again = rings_to_mask([ring for ring in rings if len(ring) > 2], WIDTH, HEIGHT, even_odd=True)
        values.append((again & mask).sum() / max(1, (again | mask).sum()))
    return round(float(np.mean(values)), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detections", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    masks, boxes = make_detections(options.detections)
    encoded = our_run_lengths(masks, boxes)
    equal = encoded == peer_run_lengths(masks, boxes)
    whole = [coco.decode(mask).astype(bool) for mask in encoded]
    results = {
        "paste": measured(lambda: our_paste(masks, boxes), lambda: peer_paste(masks, boxes), options.pairs),
        "run_lengths": measured(
            lambda: our_run_lengths(masks, boxes), lambda: peer_run_lengths(masks, boxes), options.pairs
        ),
        "polygons": measured(
            lambda: [rle_to_polygons(mask, MAX_POINTS) for mask in encoded], lambda: peer_polygons(whole), options.pairs
        ),
    }
    results["polygons"]["overlap"] = overlap([rle_to_polygons(mask, MAX_POINTS) for mask in encoded], whole)
    results["polygons"]["peer_overlap"] = overlap(peer_polygons(whole), whole)
    print(json.dumps({"detections": options.detections, "equal": equal, **results}))
    return 0 if equal and all(results[name]["ratio"] >= limit for name, limit in LIMITS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
