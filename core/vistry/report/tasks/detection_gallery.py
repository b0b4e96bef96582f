"""The worst mistakes of a detector as pictures: objects that it missed, and detections of nothing."""

from __future__ import annotations

import numpy as np

from vistry.evaluation.detection.coco_library import hotcoco
from vistry.evaluation.detection.types import (
    Detections,
    Flags,
    GroundTruth,
    Kind,
    Rle,
    concatenate_ground_truth,
    detections_above,
)
from vistry.evaluation.detection.voc import VocResult
from vistry.report.detection_picture import Outline, object_picture
from vistry.report.gallery import Card, gallery
from vistry.report.inputs import DetectionReportInputs
from vistry.report.numbers import count, score
from vistry.report.section import Section
from vistry.report.tasks.classification import MISTAKES, verdict
from vistry.report.thumbnail import Thumbnail


def misses(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    """Draw the largest objects without a hit above the score threshold."""
    matching = voc.matching
    # The score of each object's hit, 0 where it has none.
    best_score = np.zeros(len(matching.object_labels), np.float32)
    best_score[matching.target[voc.hits]] = matching.scores[voc.hits]
    missed = np.flatnonzero(~matching.crowd & (best_score <= inputs.limits[matching.object_labels]))
    if not len(missed):
        return Section("misses", "Largest misses", "There are none: every object was found.", parts=[])
    _, objects = concatenate_ground_truth(inputs.ground_truth)
    drawn = missed[np.argsort(-objects.areas[missed], kind="stable")[:MISTAKES]]
    note = (
        f"{len(drawn)} of {count(len(missed), 'object')} that no detection above {inputs.threshold_in_words} found, "
        "the largest first. Blue is the truth, the missed object in bold; orange is what was found."
    )
    cards = []
    for index in drawn.tolist():
        image = int(matching.object_image[index])
        low = float(best_score[index])
        explanation = "found, but with a low score" if low else "not found"
        line = verdict("true", inputs.classes[int(matching.object_labels[index])], low)
        row = index - int(np.searchsorted(matching.object_image, image))
        picture = _picture(inputs, image, "true", row=row)
        cards.append(Card(inputs.images[image], (line, explanation), picture))
    return Section("misses", "Largest misses", note, parts=[gallery(cards)])


def false_alarms(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    """Draw the detections with the highest scores that aren't hits."""
    matching = voc.matching
    wrong = np.flatnonzero(~voc.hits & ~voc.ignored & (matching.scores > inputs.limits[matching.labels]))
    if not len(wrong):
        return Section("false-alarms", "Surest false alarms", "There are none: every detection is an object.", parts=[])
    drawn = wrong[np.argsort(-matching.scores[wrong], kind="stable")[:MISTAKES]]
    note = (
        f"{len(drawn)} of {count(len(wrong), 'false alarm')} with a score above {inputs.threshold_in_words}, the "
        "surest first. Orange is what was found, the false alarm in bold; blue is the truth. Look here for objects "
        "nobody labelled."
    )
    cards = []
    for index in drawn.tolist():
        image, name = int(matching.image[index]), inputs.classes[int(matching.labels[index])]
        line = verdict("predicted", name, float(matching.scores[index]))
        row = index - int(np.searchsorted(matching.image, image))
        picture = _picture(inputs, image, "predicted", row=row)
        cards.append(Card(inputs.images[image], (line, _explanation(voc, index)), picture))
    return Section("false-alarms", "Surest false alarms", note, parts=[gallery(cards)])


def _explanation(voc: VocResult, index: int) -> str:
    overlap = float(voc.matching.overlap[index])
    if overlap == 0:
        return "no such object there"
    if overlap >= voc.iou_threshold:
        return "found a second time"
    return f"IoU with one: {score(overlap, 2)}"


def _picture(inputs: DetectionReportInputs, image: int, kind: str, row: int) -> Thumbnail | None:
    """Draw the surroundings of an object ("true") or a detection ("predicted"), which is number `row` of its image."""
    detections = inputs.predictions[image]
    true = _outlines(inputs.ground_truth[image], "true", inputs.kind)
    predicted = _outlines(detections_above(detections, inputs.limits), "predicted", inputs.kind)
    if kind == "predicted":
        # `row` counts all detections of the image, the outlines only those above the threshold.
        above = np.flatnonzero(detections.scores > inputs.limits[detections.labels])
        first = predicted.pop(int(np.searchsorted(above, row)))
    else:
        first = true.pop(row)
    return object_picture(inputs.images[image], first.box, [first, *true, *predicted])


def _outlines(shapes: GroundTruth | Detections, kind: str, by: Kind) -> list[Outline]:
    """Return every box of an image, with its mask if masks are compared."""
    masks = [_decoded(mask) for mask in shapes.masks or ()] if by == "mask" else [None] * len(shapes.boxes)
    boxes = [(x1, y1, x2, y2) for x1, y1, x2, y2 in shapes.boxes.tolist()]
    return [Outline(box, kind, mask) for box, mask in zip(boxes, masks, strict=True)]


def _decoded(mask: Rle) -> Flags:
    return np.asarray(hotcoco().mask.decode(mask), np.bool_)
