"""The sections about multi-class classification."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.evaluation.classification import likeliest
from vistry.evaluation.confidence_interval import wilson_interval
from vistry.evaluation.confusion import Matrix, confusion_matrix, most_confused, most_mistaken
from vistry.report.gallery import Card, gallery
from vistry.report.inputs import ReportInputs
from vistry.report.markup import element
from vistry.report.matrix import Names, confusion_picture
from vistry.report.numbers import count, percent
from vistry.report.section import Section
from vistry.report.table import table
from vistry.report.tasks.classification import (
    Probabilities,
    calibration_section,
    class_rows,
    class_table,
    curve_section,
    curves_of,
    strongest_mistakes,
    verdict,
)

# A matrix of more classes is neither legible nor small; the table lists them all.
DRAWN_CLASSES = 100
# Pairs of classes that are taken for each other; the first few explain most mistakes.
LISTED = 12

Targets = npt.NDArray[np.int64]


def multiclass_sections(inputs: ReportInputs) -> list[Section]:
    """Draw confusion, mistakes, classes, curves and calibration from probabilities [N, C] and class indices [N]."""
    probabilities: Probabilities = inputs.tensors["predictions"]
    targets: Targets = inputs.tensors["targets"]
    predicted = likeliest(probabilities, inputs.thresholds)
    certainty = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
    one_hot = np.eye(len(inputs.classes), dtype=bool)
    truth = one_hot[targets]
    curves = curves_of(truth, probabilities)
    return [
        _confusion(inputs, confusion_matrix(targets, predicted, len(inputs.classes))),
        _mistakes(inputs, probabilities, targets, predicted=predicted),
        class_table(class_rows(inputs.classes, truth, one_hot[predicted], curves=curves)),
        curve_section(inputs.classes, truth, probabilities, curves=curves),
        calibration_section(certainty, predicted == targets, "probability of the predicted class"),
    ]


def _confusion(inputs: ReportInputs, matrix: Matrix) -> Section:
    drawn = most_mistaken(matrix, DRAWN_CLASSES)
    classes = [inputs.classes[index] for index in drawn]
    picture = confusion_picture(matrix[np.ix_(drawn, drawn)], Names(classes, classes, "image"))
    note = f"{_accuracy(matrix)} Rows are the truth, columns the prediction; the colour is the share of the row."
    if len(drawn) < len(matrix):
        note += f" Drawn are the {len(drawn)} classes with the most mistakes, of {len(matrix)}."
    parts = element("div", picture, _pairs(inputs, matrix), class_="side")
    return Section("confusion", "Confusion matrix", note, parts=[parts])


def _accuracy(matrix: Matrix) -> str:
    right, images = int(matrix.trace()), int(matrix.sum())
    low, high = wilson_interval(right, images) or (0.0, 1.0)
    interval = f"95 % confidence interval {percent(low)} to {percent(high)}"
    return f"{right:,} of {count(images, 'image')} right ({percent(right / images)}; {interval})."


def _pairs(inputs: ReportInputs, matrix: Matrix) -> Markup:
    pairs = most_confused(matrix, LISTED)
    if not pairs:
        return element("p", "No class was taken for another.", class_="none")
    totals = matrix.sum(axis=1)
    rows = [
        (inputs.classes[pair.truth], inputs.classes[pair.predicted], f"{pair.count:,} of {totals[pair.truth]:,}")
        for pair in pairs
    ]
    return element("div", element("h3", "Taken for another most often"), table(("truth", "predicted", "images"), rows))


def _mistakes(inputs: ReportInputs, probabilities: Probabilities, targets: Targets, predicted: Targets) -> Section:
    wrong = predicted != targets
    certainty = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
    rows = strongest_mistakes(certainty, wrong)
    if not rows:
        note = "There are none: every validation image got its class."
        return Section("mistakes", "Most confident mistakes", note, parts=[])
    note = (
        f"{len(rows)} of {count(int(wrong.sum()), 'mistake')}, the surest first: \N{BALLOT X} what was predicted, "
        "\N{CHECK MARK} the label, each with its probability. Look here for wrong labels in the data."
    )
    cards = [
        Card(
            inputs.images[row],
            (
                verdict("predicted", inputs.classes[predicted[row]], float(probabilities[row, predicted[row]])),
                verdict("true", inputs.classes[targets[row]], float(probabilities[row, targets[row]])),
            ),
        )
        for row in rows
    ]
    return Section("mistakes", "Most confident mistakes", note, parts=[gallery(cards)])
