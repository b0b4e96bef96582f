"""The sections about object detection and instance segmentation."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from vistry.errors import VistryError
from vistry.evaluation.confusion import Matrix, most_mistaken
from vistry.evaluation.detection.coco import DETECTIONS, SIZES, CocoResult
from vistry.evaluation.detection.coco_library import hotcoco
from vistry.evaluation.detection.confusion import detection_confusion_matrix
from vistry.evaluation.detection.curves import precision_recall_of
from vistry.evaluation.detection.metrics import DetectionMetrics, DetectionProtocol, evaluate_detections
from vistry.evaluation.detection.thresholds import scan_scores
from vistry.evaluation.detection.types import Indices, Kind
from vistry.evaluation.detection.voc import VocResult, rankings_above, voc_values
from vistry.report.curve_chart import curve_chart, curve_lines
from vistry.report.inputs import DetectionReportInputs, ReportInputs
from vistry.report.lines import line_of
from vistry.report.markup import element
from vistry.report.matrix import Names, confusion_picture
from vistry.report.numbers import count, percent
from vistry.report.plot import unit_plot
from vistry.report.section import Section
from vistry.report.table import Cell, Share, table
from vistry.report.tasks.detection_gallery import false_alarms, misses
from vistry.runs.detection_tensors import from_tensors

# A matrix of more classes is neither legible nor small; the table lists them all.
DRAWN_CLASSES = 100
AREAS = {"all": "all", "small": "below 32²", "medium": "32² to 96²", "large": "from 96²"}


def object_detection_sections(inputs: ReportInputs) -> list[Section]:
    """The sections of a detector, by boxes."""
    return detection_sections(detection_inputs(inputs, "box"))


def instance_segmentation_sections(inputs: ReportInputs) -> list[Section]:
    """The sections of a segmenter, by masks."""
    return detection_sections(detection_inputs(inputs, "mask"))


def detection_inputs(inputs: ReportInputs, kind: Kind) -> DetectionReportInputs:
    """Read the detections and objects out of the tensors, and the thresholds out of the hyperparameters."""
    detections, ground_truth = from_tensors(inputs.tensors)
    values = inputs.hyperparameters
    return DetectionReportInputs(
        images=inputs.images,
        classes=inputs.classes,
        ground_truth=ground_truth,
        predictions=detections,
        iou_threshold=values.validation_iou_threshold,
        score_threshold=values.box_score_threshold if inputs.thresholds is None else inputs.thresholds,
        kind=kind,
    )


def detection_sections(inputs: DetectionReportInputs) -> list[Section]:
    """Draw precision by size, confusion, misses, false alarms, classes, curves and thresholds."""
    metrics, reason = _evaluate(inputs)
    voc, coco = metrics.voc, metrics.coco
    if voc is None:
        return [Section("sizes", "Average precision", reason, parts=[])]
    return [
        _sizes(inputs, voc, coco, reason=reason),
        _confusion(inputs, voc),
        misses(inputs, voc),
        false_alarms(inputs, voc),
        _classes(inputs, voc, coco),
        _curves(inputs, voc),
        _thresholds(inputs, voc),
    ]


def _evaluate(inputs: DetectionReportInputs) -> tuple[DetectionMetrics, str]:
    """Compute VOC and COCO metrics; without hotcoco only those that don't need it, and the reason."""
    metric_type, reason = "coco_voc", ""
    try:
        hotcoco()
    except VistryError as error:
        metric_type, reason = "none" if inputs.kind == "mask" else "voc", str(error)
    metrics = evaluate_detections(
        ground_truth=inputs.ground_truth,
        predictions=inputs.predictions,
        classes=inputs.classes,
        protocol=DetectionProtocol(
            metric_type=metric_type,
            iou_threshold=inputs.iou_threshold,
            kind=inputs.kind,
            score_threshold=inputs.score_threshold,
        ),
    )
    return metrics, reason


def _sizes(inputs: DetectionReportInputs, voc: VocResult, coco: CocoResult | None, reason: str) -> Section:
    note = (
        "AP: the area under precision over recall, its mean over the classes. COCO's takes the mean over IoU .5 to .95 "
        f"as well, at most {DETECTIONS[-1]} detections an image, and groups objects by their area in pixels. A dash is "
        f"undefined: there are no such objects. {reason}"
    )
    tables = [] if coco is None else [_by_size(inputs, coco)]
    return Section(
        "sizes",
        "Average precision",
        note,
        parts=[*tables, element("h3", "What a user is given"), _all_and_given(inputs, voc)],
    )


def _by_size(inputs: DetectionReportInputs, coco: CocoResult) -> Markup:
    areas = np.concatenate([truth.areas[~truth.crowd] for truth in inputs.ground_truth])
    group = np.digitize(areas, (32**2, 96**2)) + 1
    rows: list[list[Cell]] = []
    for index, size in enumerate(SIZES):
        objects = len(areas) if size == "all" else int((group == index).sum())
        precision = [coco.average_precision(iou, size) for iou in (None, 0.5, 0.75)]
        rows.append([f"{size} ({AREAS[size]})" if index else size, objects, *map(Share, precision)])
        rows[-1].append(Share(coco.average_recall(size=size)))
    return table(("area", "objects", "AP .5 to .95", "AP .5", "AP .75", f"recall with {DETECTIONS[-1]}"), rows)


def _all_and_given(inputs: DetectionReportInputs, voc: VocResult) -> Markup:
    given = rankings_above(voc.rankings, inputs.score_threshold)
    rows: list[list[Cell]] = []
    for name, rankings in (("all", voc.rankings), (f"with a score above {inputs.threshold_in_words}", given)):
        values = voc_values(rankings)
        shares = [Share(values.get(key)) for key in ("precision", "recall", "mean_average_precision")]
        rows.append([name, sum(len(ranking.scores) for ranking in rankings), *shares])
    return table(("detections", "number", "precision", "recall", f"VOC AP at IoU {voc.iou_threshold:g}"), rows)


def _confusion(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    matrix = detection_confusion_matrix(
        inputs.ground_truth, inputs.predictions, result=voc, score_threshold=inputs.score_threshold, kind=inputs.kind
    )
    drawn = _most_mistaken(matrix)
    rows = [[*inputs.classes, "background"][index] for index in drawn]
    columns = [[*inputs.classes, "missed"][index] for index in drawn]
    picture = confusion_picture(matrix[np.ix_(drawn, drawn)], Names(rows, columns, "object"))
    objects, hits = int(matrix[:-1].sum()), int(matrix.trace())
    share = f" ({percent(hits / objects)})" if objects else ""
    note = (
        f"{hits:,} of {count(objects, 'object')} found{share} with a score above {inputs.threshold_in_words} and an "
        f"IoU of at least {voc.iou_threshold:g}. Rows are the truth, with background for detections where no object is "
        "left; columns what was found, with the missed at the end. The colour is the share of the row."
    )
    if len(drawn) < len(matrix):
        note += f" Drawn are the {len(drawn) - 1} classes with the most mistakes, of {len(inputs.classes)}."
    return Section("confusion", "Confusion matrix", note, parts=[element("div", picture, class_="side")])


def _most_mistaken(matrix: Matrix) -> Indices:
    """Return the classes to draw, and the last row and column."""
    last = len(matrix) - 1
    return np.append(most_mistaken(matrix[:last, :last] + np.diag(matrix[:last, last]), DRAWN_CLASSES), last)


def _classes(inputs: DetectionReportInputs, voc: VocResult, coco: CocoResult | None) -> Section:
    rows: list[list[Cell]] = []
    every_given = rankings_above(voc.rankings, inputs.score_threshold)
    for label, (name, ranking, given) in enumerate(zip(inputs.classes, voc.rankings, every_given, strict=True)):
        shares = [Share(given.precision), Share(given.recall), Share(ranking.average_precision)]
        strict = [] if coco is None else [Share(coco.average_precision(label=label))]
        rows.append([name, ranking.objects, len(given.scores), *shares, *strict])
    headings = ["class", "objects", "found", "precision", "recall", f"AP at {voc.iou_threshold:g}"]
    note = (
        f"Found, precision and recall: of the detections with a score above {inputs.threshold_in_words}, at an IoU of "
        f"at least {voc.iou_threshold:g}. AP is made of all detections. A dash is undefined on these images. Click a "
        "heading to sort."
    )
    strict_heading = [] if coco is None else ["AP .5 to .95"]
    return Section("classes", "Every class", note, parts=[table([*headings, *strict_heading], rows, sortable=True)])


def _curves(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    lines = curve_lines(inputs.classes, [precision_recall_of(ranking) for ranking in voc.rankings], steps=True)
    title = f"Precision and recall at IoU {voc.iou_threshold:g} (average precision)"
    chart = curve_chart(title, "recall", y_label="precision", lines=lines, undefined="there are no objects")
    note = "Each step is one more detection, the highest score first. A curve ends where no further object is found."
    return Section("curves", "Precision and recall", note, parts=[element("div", chart, class_="charts")])


def _thresholds(inputs: DetectionReportInputs, voc: VocResult) -> Section:
    scan = scan_scores(voc.rankings)
    plot = unit_plot("score threshold", "mean over the classes")
    lines = [line_of("precision", scan.thresholds, scan.mean_precision, colour="c1")]
    lines.append(line_of("recall", scan.thresholds, scan.mean_recall, colour="c2"))
    places = [plot.x.at(value) for value in sorted(set(np.ravel(inputs.score_threshold).tolist()))]
    dashes = [element("path", d=f"M{at:.1f} {plot.y.at(0)}V{plot.y.at(1)}", class_="mark") for at in places]
    marks = [*dashes, *(line.markup(plot) for line in lines)]
    chart = plot.figure("Precision and recall at each score", marks, [line.key for line in lines])
    if isinstance(inputs.score_threshold, float | int):
        line = f"The dashed line is box_score_threshold = {inputs.score_threshold:g}"
    else:
        line = "A dashed line is a threshold that vistry threshold chose"
    note = (
        f"{line}, above which a user is given detections. Move it left to find more objects, right for fewer false "
        "alarms."
    )
    return Section("thresholds", "Thresholds", note, parts=[element("div", chart, class_="charts")])
