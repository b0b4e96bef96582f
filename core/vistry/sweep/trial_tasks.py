"""What the process of a trial is given: as JSON, for it has its values from a pipe, and made so before it trains."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vistry.sweep.trial_training import TrialTask


def to_json(task: TrialTask) -> dict[str, Any]:
    """A task as plain JSON values."""
    return {**asdict(task), "folder": str(task.folder)}


def task_of(values: dict[str, Any]) -> TrialTask:
    """The task of these values."""
    return TrialTask(**{**values, "folder": Path(values["folder"]), "cores": tuple(values["cores"])})


def prepare_process(task: TrialTask) -> None:
    """Keep this process to its cores, and set its number of threads. Call it before anything is computed."""
    os.environ.update(task.environment or {})
    os.environ["OMP_NUM_THREADS"] = str(task.threads)
    if task.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, task.cores)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(task.threads)
