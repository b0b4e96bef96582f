"""The hosted product's file of a job, which holds a task, data and a search, and no hyperparameters of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vistry.registry.tasks import TASKS

Values = Mapping[str, Any]


def is_hosted_job(values: Values) -> bool:
    """Whether a config file is a job's."""
    return values.get("type") == "automl" or "automljob" in str(values.get("$schema", "")).lower()


def command_of(values: Values, path: Path) -> str:
    """The `vistry train` line that a job's file corresponds to, as far as one training can: its first model."""
    return " ".join(["vistry train", *_arguments(values, path)])


def _arguments(values: Values, path: Path) -> Iterator[str]:
    for name, option in (("training_data", "--data"), ("validation_data", "--validation")):
        place = _mapping(values.get(name)).get("path")
        if isinstance(place, str):
            yield f"{option} {place if '://' in place else path.parent / place}"
    task = values.get("task")
    if isinstance(task, str):
        yield f"--task {next((known.alias for known in TASKS if known.name == task), task)}"
    given = dict(_mapping(values.get("training_parameters")))
    space = values.get("search_space")
    first = _mapping(space[0]) if isinstance(space, list) and space else {}
    model = first.get("model_name") or given.pop("model_name", None)
    if isinstance(model, str):
        yield f"--model {model}"
    minutes = _mapping(values.get("limits")).get("timeout_minutes")
    if isinstance(minutes, int):
        yield f"--time-limit {minutes}m"
    for name, value in given.items():
        if isinstance(value, str | int | float):
            yield f"--{name} {int(value) if isinstance(value, bool) else value}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
