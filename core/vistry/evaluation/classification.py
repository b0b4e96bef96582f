"""Classification metrics by scikit-learn, named as the hosted product names them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vistry.evaluation.operating_point import Thresholds

Probabilities = npt.NDArray[np.float32]


# Above which a class of an image is predicted, where no other was chosen.
LABEL_THRESHOLD = 0.5


def likeliest(probabilities: Probabilities, thresholds: Thresholds | None = None) -> npt.NDArray[np.int64]:
    """[N] the likeliest class from probabilities [N, C]; of two classes with thresholds, the one that passes its own.

    The thresholds of two classes add up to 1, so that one of both passes.
    """
    margins = probabilities if thresholds is None else probabilities - thresholds
    return np.asarray(margins.argmax(axis=1))


def probable(probabilities: Probabilities, thresholds: Thresholds | None = None) -> npt.NDArray[np.bool_]:
    """[..., C] True where a probability passes the threshold of its class."""
    return np.asarray(probabilities > (LABEL_THRESHOLD if thresholds is None else thresholds))


def multiclass_metrics(
    probabilities: Probabilities,
    targets: npt.NDArray[np.int64],
    classes: int,
    thresholds: Thresholds | None = None,
) -> dict[str, float]:
    """Metrics of probabilities [N, C] against class indices [N]."""
    from sklearn import metrics

    predicted = likeliest(probabilities, thresholds)
    every = list(range(classes))
    values = {"accuracy": float((predicted == targets).mean())}
    for average in ("macro", "micro", "weighted"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            targets, predicted, labels=every, average=average, zero_division=0.0
        )
        values |= {
            f"precision_score_{average}": float(precision),
            f"recall_score_{average}": float(recall),
            f"f1_score_{average}": float(f1),
        }
    return values | _ranking(np.eye(classes, dtype=bool)[targets], probabilities) | _normalised_recall(values, classes)


def multilabel_metrics(
    probabilities: Probabilities, targets: npt.NDArray[np.float32], thresholds: Thresholds | None = None
) -> dict[str, float]:
    """Metrics of probabilities [N, C] against targets [N, C]; a class is predicted above its threshold, or 0.5.

    `iou` is the mean over images of |predicted and true| / |predicted or true|, 1 where both are empty.
    """
    from sklearn import metrics

    predicted, truth = probable(probabilities, thresholds), targets > 0.5
    values = {
        "iou": float(metrics.jaccard_score(truth, predicted, average="samples", zero_division=1.0)),
        "accuracy": float((predicted == truth).all(axis=1).mean()),
    }
    for average in ("macro", "micro", "weighted"):
        values[f"iou_{average}"] = float(metrics.jaccard_score(truth, predicted, average=average, zero_division=0.0))
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0.0
        )
        values |= {
            f"precision_score_{average}": float(precision),
            f"recall_score_{average}": float(recall),
            f"f1_score_{average}": float(f1),
        }
    return values | _ranking(truth, probabilities) | _normalised_recall(values, 2)


def log_loss(
    predictions: Sequence[Probabilities],
    targets: npt.NDArray[np.generic],
    classes: Sequence[str],  # noqa: ARG001
) -> float:
    """Cross entropy of probabilities [N, C] against class indices [N], or targets [N, C] of 0 and 1."""
    probabilities = np.asarray(predictions)
    if targets.ndim == 1:
        likelihood = probabilities[np.arange(len(targets)), targets.astype(np.int64)]
    else:
        likelihood = np.where(targets.astype(np.float32) > 0.5, probabilities, 1 - probabilities)
    return float(-np.log(_clipped(likelihood)).mean())


def _clipped(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    # A probability of 0 for what is true would make the loss of the whole data set infinite.
    return np.clip(probabilities.astype(np.float64), 1e-7, 1.0)


def _normalised_recall(values: dict[str, float], classes: int) -> dict[str, float]:
    """(macro recall - chance) / (1 - chance), chance being 1 / classes."""
    if classes < 2:
        return {}
    chance = 1 / classes
    return {"norm_macro_recall": max(0.0, (values["recall_score_macro"] - chance) / (1 - chance))}


def _ranking(truth: npt.NDArray[np.bool_], probabilities: Probabilities) -> dict[str, float]:
    """Area under ROC and average precision, over the classes that have both kinds of example."""
    from sklearn import metrics

    usable = truth.any(axis=0) & ~truth.all(axis=0)
    if not usable.any():
        return {}
    truth, probabilities = truth[:, usable], probabilities[:, usable]
    values = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for average in ("macro", "micro", "weighted"):
            values[f"AUC_{average}"] = float(metrics.roc_auc_score(truth, probabilities, average=average))
            values[f"average_precision_score_{average}"] = float(
                metrics.average_precision_score(truth, probabilities, average=average)
            )
    return values
