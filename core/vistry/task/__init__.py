"""What each task means: targets, loss, metrics, and what a prediction is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vistry.task.behaviour import Task


def behaviour_of(name: str) -> Task:
    """The behaviour of a task, from the file of the same name. Raises VistryError for a task not built yet."""
    module: Any = import_module(f"vistry.task.{name}")
    task: Task = module.TASK
    return task
