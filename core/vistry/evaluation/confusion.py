"""The confusion matrix of a classifier, and its largest entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """How many images of class `truth` were predicted as another class, `predicted`."""

    truth: int
    predicted: int
    count: int


def confusion_matrix(targets: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int) -> Matrix:
    """[C, C] counts: row the true class, column the predicted one, from indices [N] and [N]."""
    pairs = targets.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def most_confused(matrix: Matrix, limit: int) -> list[Confusion]:
    """The largest counts off the diagonal, largest first."""
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    rows, columns = np.unravel_index(order, wrong.shape)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [Confusion(row, column, int(wrong[row, column])) for row, column in pairs if wrong[row, column]]


def most_mistaken(matrix: Matrix, limit: int) -> npt.NDArray[np.int64]:
    """The classes with the most mistakes to or from them, at most `limit`, in ascending order."""
    mistakes = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    return np.sort(np.argsort(-mistakes, kind="stable")[:limit])
