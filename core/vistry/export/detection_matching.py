"""Which of the detections of two models are the same one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vistry.evaluation.detection.types import Detections

TOLERANCE = 0.02  # of a probability or a score
PIXELS = 2.0  # of a box's side


@dataclass(frozen=True)
class Matching:
    """Of one image: how many detections have to be matched, how many aren't, and by how much those that are differ."""

    expected: int
    unmatched: int
    scores_apart: tuple[float, ...]
    pixels_apart: tuple[float, ...]


def match(of_run: Detections, of_file: Detections, threshold: float) -> Matching:
    """Match each detection that is above a threshold by TOLERANCE, in either list, with one of the other.

    Both are of one class, their scores within TOLERANCE and each side within PIXELS; each is matched once, the nearest
    first.
    """
    pixels = np.abs(of_run.boxes[:, None] - of_file.boxes[None]).max(axis=2, initial=0)
    scores = np.abs(of_run.scores[:, None].astype(np.float64) - of_file.scores[None])
    alike = (of_run.labels[:, None] == of_file.labels[None]) & (pixels <= PIXELS) & (scores <= TOLERANCE)
    rows, columns = np.nonzero(alike)
    order = np.argsort(pixels[rows, columns] / PIXELS + scores[rows, columns] / TOLERANCE, kind="stable")
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in matched and column not in taken:
            matched[row] = column
            taken.add(column)
    required = np.flatnonzero(of_run.scores > threshold + TOLERANCE).tolist()
    surplus = [one for one in np.flatnonzero(of_file.scores > threshold + TOLERANCE).tolist() if one not in taken]
    pairs = [(row, matched[row]) for row in required if row in matched]
    return Matching(
        expected=len(required) + len(surplus),
        unmatched=len(required) - len(pairs) + len(surplus),
        scores_apart=tuple(float(scores[pair]) for pair in pairs),
        pixels_apart=tuple(float(pixels[pair]) for pair in pairs),
    )
