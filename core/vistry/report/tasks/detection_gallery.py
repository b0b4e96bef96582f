"""The worst of a detector as pictures: objects it missed, and objects it made up."""

from __future__ import annotations

import numpy as np

from vistry.evaluation.detection.coco_library import hotcoco
from vistry.evaluation.detection.types import Detections, Flags, GroundTruth, Kind, Rle, concatenate_ground_truth
from vistry.evaluation.detection.voc import VocResult
from vistry.report.detection_picture import Outline, object_picture
from vistry.report.gallery import Card, gallery
from vistry.report.markup import Content
from vistry.report.numbers import count, score
from vistry.report.section import Section
from vistry.report.tasks.classification import MISTAKES, verdict
from vistry.report.tasks.detection_inputs import DetectionReportInputs


def misses(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    """The largest objects that a user is not given."""
    matching = voc.matching
    reached = np.zeros(len(matching.object_labels), np.float32)
    reached[matching.target[voc.hits]] = matching.scores[voc.hits]
    missed = np.flatnonzero(~matching.crowd & (reached <= inputs.score_threshold))
    if not len(missed):
        return Section("misses", "Largest misses", "There are none: every object was found.", [])
    _, objects = concatenate_ground_truth(inputs.ground_truth)
    shown = missed[np.argsort(-objects.areas[missed], kind="stable")[:MISTAKES]]
    note = (
        f"{len(shown)} of {count(len(missed), 'object')} that no detection above {inputs.score_threshold:g} found, "
        "the largest first. Blue is the truth, the missed object in bold; orange is what was found."
    )
    cards = []
    for index in shown.tolist():
        image = int(matching.object_image[index])
        low = float(reached[index])
        said = "found, but with a low score" if low else "not found"
        line = verdict("true", inputs.classes[int(matching.object_labels[index])], low)
        row = index - int(np.searchsorted(matching.object_image, image))
        cards.append(_card(inputs, image, "true", row, (line, said)))
    return Section("misses", "Largest misses", note, [gallery(cards)])


def false_alarms(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    """The detections with the highest scores that are no hits."""
    matching = voc.matching
    wrong = np.flatnonzero(~voc.hits & ~voc.ignored & (matching.scores > inputs.score_threshold))
    if not len(wrong):
        return Section("false-alarms", "Surest false alarms", "There are none: every detection is an object.", [])
    shown = wrong[np.argsort(-matching.scores[wrong], kind="stable")[:MISTAKES]]
    note = (
        f"{len(shown)} of {count(len(wrong), 'false alarm')} with a score above {inputs.score_threshold:g}, the "
        "surest first. Orange is what was found, the false alarm in bold; blue is the truth. Look here for objects "
        "nobody labelled."
    )
    cards = []
    for index in shown.tolist():
        image, name = int(matching.image[index]), inputs.classes[int(matching.labels[index])]
        line = verdict("predicted", name, float(matching.scores[index]))
        row = index - int(np.searchsorted(matching.image, image))
        cards.append(_card(inputs, image, "predicted", row, (line, _what_is_there(voc, index))))
    return Section("false-alarms", "Surest false alarms", note, [gallery(cards)])


def _what_is_there(voc: VocResult, index: int) -> str:
    overlap = float(voc.matching.overlap[index])
    if overlap == 0:
        return "no such object there"
    if overlap >= voc.iou_threshold:
        return "found a second time"
    return f"IoU with one: {score(overlap, 2)}"


def _card(inputs: DetectionReportInputs, image: int, kind: str, row: int, lines: tuple[Content, ...]) -> Card:
    """The surroundings of one object ("true") or detection ("predicted"), which is the first outline."""
    truth, found = inputs.ground_truth[image], inputs.predictions[image].above(inputs.score_threshold)
    true = _outlines(truth, "true", inputs.kind)
    seen = _outlines(found, "predicted", inputs.kind)
    if kind == "predicted":
        above = np.flatnonzero(inputs.predictions[image].scores > inputs.score_threshold)
        first = seen.pop(int(np.searchsorted(above, row)))
    else:
        first = true.pop(row)
    path = inputs.images[image]
    return Card(path, lines, object_picture(path, first.box, [first, *true, *seen]))


def _outlines(shapes: GroundTruth | Detections, kind: str, by: Kind) -> list[Outline]:
    """Every box of an image, with its mask where masks are what is compared."""
    masks = [_decoded(mask) for mask in shapes.masks or ()] if by == "mask" else [None] * len(shapes.boxes)
    boxes = [(x1, y1, x2, y2) for x1, y1, x2, y2 in shapes.boxes.tolist()]
    return [Outline(box, kind, mask) for box, mask in zip(boxes, masks, strict=True)]


def _decoded(mask: Rle) -> Flags:
    return np.asarray(hotcoco().mask.decode(mask), np.bool_)
