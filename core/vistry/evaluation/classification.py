"""Classification metrics by scikit-learn, named as the hosted product names them.

Macro figures are means over the classes that the evaluated images have. A class that none has says nothing about the
model: neither is it found, nor can it be missed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vistry.evaluation.operating_point import Thresholds

Probabilities = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

AVERAGES = ("macro", "micro", "weighted")


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
    predicted = likeliest(probabilities, thresholds)
    truth = np.eye(classes, dtype=bool)[targets]
    values = {"accuracy": float((predicted == targets).mean())}
    values |= _scores(truth, np.eye(classes, dtype=bool)[predicted])
    return values | _ranking(truth, probabilities) | _normalised_recall(values, classes)


def multilabel_metrics(
    probabilities: Probabilities, targets: npt.NDArray[np.float32], thresholds: Thresholds | None = None
) -> dict[str, float]:
    """Metrics of probabilities [N, C] against targets [N, C]; a class is predicted above its threshold, or 0.5.

    `iou` is the mean over images of |predicted and true| / |predicted or true|, 1 where both are empty.
    """
    from sklearn import metrics

    predicted, truth = probable(probabilities, thresholds), targets > 0.5
    values = {
        "iou": float(image_iou(truth, predicted).mean()),
        "accuracy": float((predicted == truth).all(axis=1).mean()),
    }
    for average, columns in _averages(truth):
        pair = _two_columns(truth), _two_columns(predicted)
        score = metrics.jaccard_score(*pair, labels=columns, average=average, zero_division=0.0)
        values[f"iou_{average}"] = float(score)
    values |= _scores(truth, predicted)
    return values | _ranking(truth, probabilities) | _normalised_recall(values, 2)


def image_iou(truth: Flags, predicted: Flags) -> npt.NDArray[np.float64]:
    """[N] |predicted and true| / |predicted or true| of the classes [N, C] of each image, 1 where both are empty."""
    shared, either = (truth & predicted).sum(axis=1), (truth | predicted).sum(axis=1)
    return np.where(either > 0, shared / np.maximum(either, 1), 1.0)


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


def _averages(truth: Flags) -> Iterator[tuple[str, list[int]]]:
    """Yield each average with the classes it is over: micro counts all decisions, the others the classes there are."""
    present = np.flatnonzero(truth.any(axis=0)).tolist()
    for average in AVERAGES:
        columns = list(range(truth.shape[1])) if average == "micro" else present
        if columns:
            yield average, columns


def _two_columns(flags: Flags) -> Flags:
    """Flags [N, C] with a class more where there is one, which scikit-learn would take for a binary problem."""
    return flags if flags.shape[1] > 1 else np.pad(flags, ((0, 0), (0, 1)))


def _scores(truth: Flags, predicted: Flags) -> dict[str, float]:
    """Precision, recall and F1 of truth [N, C] and prediction [N, C]."""
    from sklearn import metrics

    values: dict[str, float] = {}
    for average, columns in _averages(truth):
        pair = _two_columns(truth), _two_columns(predicted)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            *pair, labels=columns, average=average, zero_division=0.0
        )
        values |= {
            f"precision_score_{average}": float(precision),
            f"recall_score_{average}": float(recall),
            f"f1_score_{average}": float(f1),
        }
    return values


def _normalised_recall(values: dict[str, float], classes: int) -> dict[str, float]:
    """(macro recall - chance) / (1 - chance), chance being 1 / classes: of those that the model chooses among."""
    if classes < 2 or "recall_score_macro" not in values:
        return {}
    chance = 1 / classes
    return {"norm_macro_recall": max(0.0, (values["recall_score_macro"] - chance) / (1 - chance))}


def _ranking(truth: Flags, probabilities: Probabilities) -> dict[str, float]:
    """Average precision, and the area under ROC where the images have both kinds of example.

    Both are undefined where no class has both kinds: there is nothing to rank.
    """
    from sklearn import metrics

    present = truth.any(axis=0)
    ranked = present & ~truth.all(axis=0)
    if not ranked.any():
        return {}
    values = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for average in AVERAGES:
            values[f"AUC_{average}"] = float(
                metrics.roc_auc_score(truth[:, ranked], probabilities[:, ranked], average=average)
            )
            values[f"average_precision_score_{average}"] = float(
                metrics.average_precision_score(truth[:, present], probabilities[:, present], average=average)
            )
    return values
