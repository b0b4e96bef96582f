"""The thresholds that were chosen for a run, as an array in the order of its outputs."""

from __future__ import annotations

import numpy as np

from vistry.errors import RunError
from vistry.evaluation.operating_point import Thresholds
from vistry.runs.folder import THRESHOLDS, Run


def thresholds_of(run: Run, epoch: int) -> Thresholds | None:
    """[C] the threshold of each class; None where none was chosen.

    Raises RunError where they were chosen for the weights of another epoch than `epoch`, counted from 0, or where the
    file is damaged.
    """
    record = run.thresholds
    if record is None:
        return None
    path = run.folder / THRESHOLDS
    remedy = f"choose again, or remove it: vistry threshold {run.folder} --reset"
    if record.epoch != epoch:
        raise RunError(
            f"{path} was chosen for the weights of epoch {record.epoch + 1}, and the best are now those of epoch "
            f"{epoch + 1}; {remedy}"
        )
    values = [record.thresholds.get(name) for name in run.record.classes]
    if any(value is None or not 0 <= value <= 1 for value in values) or len(record.thresholds) != len(values):
        raise RunError(f"invalid {path}: expected a threshold from 0 to 1 for each class of the run; {remedy}")
    return np.array(values, dtype=np.float64)
