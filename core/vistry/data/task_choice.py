"""The task of a data set: the one that is named, or the one that its labels suggest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vistry.data.findings import FindingError
from vistry.data.reading import guess_task
from vistry.data.source import ReadingOptions
from vistry.registry.tasks import TASKS, task_named

# Faults of the path: a named task would not help.
NO_QUESTION_OF_TASK = ("data-missing", "format-unknown", "format-ambiguous", "path-escape")


def task_of(data: str | Path, task: str | None, reading: ReadingOptions | None = None) -> tuple[str, str | None]:
    """Return a task's full name; for None the task that the labels suggest, with the reason.

    Raises DataError, which lists the tasks where it is the labels that don't say it.
    """
    if task is not None:
        return task_named(task).name, None
    try:
        return guess_task(data, reading)
    except FindingError as error:
        if error.finding.check in NO_QUESTION_OF_TASK:
            raise
        raise FindingError(replace(error.finding, remedy=_with_tasks(error.finding.remedy))) from error


def _with_tasks(remedy: str) -> str:
    names = ", ".join(task.alias for task in TASKS)
    return "; ".join(part for part in (remedy, f"or name the task with --task: {names}") if part)
