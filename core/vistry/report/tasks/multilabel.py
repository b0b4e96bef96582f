"""The sections about multi-label classification."""

from __future__ import annotations

import numpy as np

from vistry.evaluation.class_scores import ThresholdScan, scan_thresholds
from vistry.evaluation.classification import LABEL_THRESHOLD, probable
from vistry.evaluation.operating_point import Thresholds
from vistry.report.gallery import Card, gallery
from vistry.report.inputs import ReportInputs
from vistry.report.lines import line_of
from vistry.report.markup import element
from vistry.report.numbers import count, percent, score
from vistry.report.plot import unit_plot
from vistry.report.section import Section
from vistry.report.table import Cell, Number, Share
from vistry.report.tasks.classification import (
    Flags,
    Probabilities,
    calibration_section,
    class_rows,
    class_table,
    curve_section,
    curves_of,
    strongest_mistakes,
    verdict,
)

THRESHOLDS = np.arange(1, 100) / 100


def multilabel_sections(inputs: ReportInputs) -> list[Section]:
    """Draw classes, thresholds, mistakes, curves and calibration from probabilities and targets, both [N, C]."""
    probabilities: Probabilities = inputs.tensors["predictions"]
    truth: Flags = inputs.tensors["targets"] > LABEL_THRESHOLD
    predicted = probable(probabilities, inputs.thresholds)
    curves = curves_of(truth, probabilities)
    scan = scan_thresholds(truth, probabilities, THRESHOLDS)
    rows = class_rows(inputs.classes, truth, predicted, curves=curves)
    return [
        class_table([[*row, *_best(scan, index)] for index, row in enumerate(rows)], ("best threshold", "its F1")),
        _thresholds(scan, inputs.thresholds),
        _mistakes(inputs, probabilities, truth, predicted=predicted),
        curve_section(inputs.classes, truth, probabilities, curves=curves),
        calibration_section(probabilities.ravel(), truth.ravel(), "probability of a class"),
    ]


def _best(scan: ThresholdScan, label: int) -> list[Cell]:
    threshold, f1 = scan.best(label) or (None, None)
    return [Number(score(threshold, 2)), Share(f1)]


def _thresholds(scan: ThresholdScan, chosen: Thresholds | None) -> Section:
    plot = unit_plot("threshold", "F1")
    lines = [
        line_of("micro", scan.thresholds, scan.micro, colour="micro"),
        line_of("macro", scan.thresholds, scan.macro, colour="c2"),
    ]
    values = [LABEL_THRESHOLD] if chosen is None else sorted(set(chosen.tolist()))
    places = [plot.x.at(value) for value in values]
    dashes = [element("path", d=f"M{at} {plot.y.at(0)}V{plot.y.at(1)}", class_="mark") for at in places]
    marks = [*dashes, *(line.markup(plot) for line in lines)]
    chart = plot.figure("F1 at each threshold", marks, [line.key for line in lines])
    note = (
        f"The metrics of training take a class as predicted above {LABEL_THRESHOLD}; a dashed line is what predictions "
        "go by. A class's best threshold is the one with the highest F1 on these same images; on others it may be a "
        "little worse."
    )
    return Section("thresholds", "Thresholds", note, parts=[element("div", chart, class_="charts")])


def _mistakes(inputs: ReportInputs, probabilities: Probabilities, truth: Flags, predicted: Flags) -> Section:
    distance = np.abs(probabilities - truth)
    wrong = predicted != truth
    positions = strongest_mistakes(distance, wrong)
    if not positions:
        note = "There are none: every validation image got its labels."
        return Section("mistakes", "Most confident mistakes", note, parts=[])
    note = (
        f"{len(positions)} of {count(int(wrong.sum()), 'mistake')}, the surest first: one class on one image. "
        f"{percent(float(wrong.any(axis=1).mean()))} of the images have at least one."
    )
    cards = []
    for position in positions:
        row, label = divmod(position, len(inputs.classes))
        explanation = "labelled, but not found" if truth[row, label] else "found, but not labelled"
        kind = "true" if truth[row, label] else "predicted"
        lines = (verdict(kind, inputs.classes[label], float(probabilities[row, label])), explanation)
        cards.append(Card(inputs.images[row], lines))
    return Section("mistakes", "Most confident mistakes", note, parts=[gallery(cards)])
