"""The metrics of 5,000 images with 100 detections each; beside them, pycocotools on the same ones.

    python benchmarks/coco_metrics.py [--images 5000] [--detections 100] [--classes 80]

Prints one JSON line with the seconds of `voc`, `coco` and `coco_voc` (which evaluate twice: all detections, and those
above the serving threshold), of pycocotools (once), and how many times longer it takes than one evaluation of ours.
Fails where a number of COCO's twelve differs, or an evaluation takes longer than LIMIT_SECONDS.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from vistry.evaluation.detection.coco import coco_values, evaluate_coco
from vistry.evaluation.detection.metrics import DetectionProtocol, evaluate_detections
from vistry.evaluation.detection.types import Detections, GroundTruth

LIMIT_SECONDS = 30
OBJECTS = 7


@dataclass(frozen=True)
class Scene:
    truth: list[GroundTruth]
    found: list[Detections]


def make_scene(images: int, detections: int, classes: int) -> Scene:
    """Objects found with a few pixels of error, among detections anywhere; scores of two digits, so many are equal."""
    random = np.random.default_rng(0)
    truth, found = [], []
    for _ in range(images):
        boxes, labels = boxes_in(random, OBJECTS), random.integers(0, classes, OBJECTS)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        truth.append(GroundTruth(boxes, labels, random.random(OBJECTS) < 0.02, areas))
        near = boxes + random.normal(0, 5, boxes.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        every = np.concatenate([near, boxes_in(random, detections - OBJECTS)]).astype(np.float32)
        names = np.concatenate([labels, random.integers(0, classes, detections - OBJECTS)])
        found.append(Detections(every, np.round(random.random(detections), 2).astype(np.float32), names))
    return Scene(truth, found)


def boxes_in(random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    corner = random.uniform(0, 500, (count, 2))
    return np.hstack([corner, corner + random.uniform(5, 200, (count, 2))]).astype(np.float32)


def pycocotools_stats(scene: Scene, classes: int) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth, found = COCO(), COCO()
        images = [{"id": row + 1} for row in range(len(scene.truth))]
        categories = [{"id": label + 1} for label in range(classes)]
        for data, rows in ((truth, scene.truth), (found, scene.found)):
            data.dataset = {"images": images, "categories": categories, "annotations": annotations(rows)}
            data.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def annotations(images: list[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image, one in enumerate(images):
        crowd = one.crowd.tolist() if isinstance(one, GroundTruth) else [False] * len(one.labels)
        scores = one.scores.tolist() if isinstance(one, Detections) else [0.0] * len(one.labels)
        for (x1, y1, x2, y2), label, many, score in zip(
            one.boxes.tolist(), one.labels.tolist(), crowd, scores, strict=True
        ):
            box = [x1, y1, x2 - x1, y2 - y1]
            row = {"id": len(rows) + 1, "image_id": image + 1, "category_id": label + 1, "bbox": box}
            rows.append({**row, "area": box[2] * box[3], "iscrowd": int(many), "score": score})
    return rows


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 2), result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--detections", type=int, default=100)
    parser.add_argument("--classes", type=int, default=80)
    options = parser.parse_args()
    scene = make_scene(options.images, options.detections, options.classes)
    names = [str(label) for label in range(options.classes)]
    protocols = [DetectionProtocol(metric, score_threshold=0.3) for metric in ("voc", "coco", "coco_voc")]
    seconds = {
        protocol.metric_type: timed(lambda: evaluate_detections(scene.truth, scene.found, names, protocol))[0]  # noqa: B023
        for protocol in protocols
    }
    once, ours = timed(lambda: evaluate_coco(scene.truth, scene.found, options.classes))
    peer, stats = timed(lambda: pycocotools_stats(scene, options.classes))
    equal = bool(np.allclose(list(coco_values(ours).values()), stats, rtol=0, atol=1e-5))
    result = {**seconds, "coco once": once, "pycocotools": peer, "ratio": round(peer / once, 1), "equal": equal}
    print(json.dumps({"images": options.images, "detections": options.detections, **result}))
    return 0 if equal and max(seconds.values()) < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
