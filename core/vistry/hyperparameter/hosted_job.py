"""The hosted product's file of a job, which holds a task, data and a search, and no hyperparameters of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]
MESSAGE = "this is a job file of the hosted product"


def is_hosted_job(values: Values) -> bool:
    """Whether a config file is a job's."""
    return values.get("type") == "automl" or "automljob" in str(values.get("$schema", "")).lower()


def command_of(path: Path) -> str:
    """What to type for a job's file."""
    return f"type: vistry job run {path}"
