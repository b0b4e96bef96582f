"""The sections that both classification tasks share: scores of each class, curves, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.evaluation.calibration import reliability
from vistry.evaluation.class_scores import class_scores
from vistry.evaluation.curves import Curve, precision_recall, roc
from vistry.report.bars import histogram, reliability_diagram
from vistry.report.curve_chart import curve_chart, curve_lines
from vistry.report.markup import element, name_of
from vistry.report.numbers import percent, score
from vistry.report.section import Section
from vistry.report.table import Cell, Share, table

# Pictures in a gallery, each of which is decoded and stored in the page.
MISTAKES = 24
SIGNS = {"predicted": "\N{BALLOT X}", "true": "\N{CHECK MARK}"}
ONE_KIND = "these images are all of one kind"
HEADINGS = ("class", "images", "predicted", "precision", "recall", "F1", "AP", "AUC")

Flags = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClassCurves:
    """A class's curves, None where undefined on these images."""

    roc: Curve | None
    precision_recall: Curve | None


def curves_of(truth: Flags, probabilities: Probabilities) -> list[ClassCurves]:
    """The curves of every class, from truth [N, C] and probabilities [N, C]."""
    columns = zip(truth.T, probabilities.T, strict=True)
    return [ClassCurves(roc(true, scores), precision_recall(true, scores)) for true, scores in columns]


def class_rows(
    classes: Sequence[str], truth: Flags, predicted: Flags, curves: Sequence[ClassCurves]
) -> list[list[Cell]]:
    """The cells under HEADINGS of every class, from truth [N, C] and predictions [N, C]."""
    rows: list[list[Cell]] = []
    for name, scores, curve in zip(classes, class_scores(truth, predicted), curves, strict=True):
        areas = [Share(_area(curve.precision_recall)), Share(_area(curve.roc))]
        shares = [Share(scores.precision), Share(scores.recall), Share(scores.f1)]
        rows.append([name, scores.support, scores.predicted, *shares, *areas])
    return rows


def _area(curve: Curve | None) -> float | None:
    return None if curve is None else curve.area


def class_table(rows: Sequence[Sequence[Cell]], more: Sequence[str] = ()) -> Section:
    """Draw a table with a row for each class, with `more` columns after the usual ones."""
    note = (
        "Precision: how many of those predicted as the class belong to it. Recall: how many of those that belong to it "
        "were found. F1 is their harmonic mean, AP the area under the precision-recall curve, AUC that under the ROC "
        "curve. A dash is undefined on these images. Click a heading to sort."
    )
    return Section("classes", "Every class", note, parts=[table([*HEADINGS, *more], rows, sortable=True)])


def curve_section(
    classes: Sequence[str], truth: Flags, probabilities: Probabilities, curves: Sequence[ClassCurves]
) -> Section:
    """Draw ROC and precision-recall curves of each class, and of all answers together (micro)."""
    flat = truth.ravel(), probabilities.ravel()
    left = curve_lines(classes, [curve.roc for curve in curves], micro=roc(*flat), steps=False)
    right = curve_lines(
        classes, [curve.precision_recall for curve in curves], micro=precision_recall(*flat), steps=True
    )
    charts = [
        curve_chart(
            "ROC (area under it)", "false positive rate", y_label="true positive rate", lines=left, undefined=ONE_KIND
        ),
        curve_chart(
            "Precision and recall (average precision)", "recall", y_label="precision", lines=right, undefined=ONE_KIND
        ),
    ]
    note = (
        "Each point is one threshold on the probability. The better a class is told apart, the nearer its curve comes "
        "to the top left corner (ROC) and to the top right one (precision and recall)."
    )
    return Section("curves", "ROC and precision-recall", note, parts=[element("div", *charts, class_="charts")])


def calibration_section(probabilities: npt.NDArray[np.floating], came_true: Flags, label: str) -> Section:
    """Draw the reliability diagram of probabilities [N] and whether each came true [N]; `label` names a probability."""
    diagram = reliability(probabilities, came_true)
    note = (
        "Of the predictions made with a probability of 0.8, 80 % should come true: bars that end at the line. "
        f"{_lean(probabilities, came_true)}"
    )
    charts = element("div", reliability_diagram(diagram, label), histogram(diagram, label), class_="charts")
    return Section("calibration", "Calibration", note, parts=[charts])


def _lean(probabilities: npt.NDArray[np.floating], came_true: Flags) -> str:
    confidence, accuracy = float(probabilities.mean()), float(came_true.mean())
    direction = "more sure than right" if confidence > accuracy else "less sure than right"
    return f"On the whole this model is {direction}: it says {percent(confidence)} where {percent(accuracy)} came true."


def verdict(kind: str, name: str, probability: float) -> Markup:
    """Draw a class that was "predicted" or is "true", with its probability as a number and a bar."""
    bar = element("span", class_="meter", style=f"--share:{100 * probability:.1f}%")
    sign = element("abbr", SIGNS[kind], title=kind)
    return element("span", sign, name_of(name), element("b", score(probability, 2)), bar, class_=f"verdict {kind}")


def strongest_mistakes(strength: npt.NDArray[np.floating], mistaken: Flags, limit: int = MISTAKES) -> list[int]:
    """Return at most `limit` flat positions of mistakes, the greatest strength first."""
    positions = np.flatnonzero(mistaken)
    order = np.argsort(-strength.ravel()[positions], kind="stable")[:limit]
    return [int(position) for position in positions[order]]
