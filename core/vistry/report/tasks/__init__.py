"""The sections about a task, drawn by the function that the registry names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from vistry.errors import RegistryError, suggestion
from vistry.registry.tasks import TASKS
from vistry.report.inputs import ReportInputs
from vistry.report.section import Section

DrawSections = Callable[[ReportInputs], Sequence[Section]]


def task_sections(task: str, inputs: ReportInputs) -> Sequence[Section]:
    """Draw the sections about a task. Raises RegistryError for an unknown task, with a suggestion."""
    references = {entry.name: entry.sections for entry in TASKS}
    if task not in references:
        raise RegistryError(f"unknown task '{task}'; {suggestion(task, list(references))}")
    module, _, function = references[task].partition(":")
    draw: DrawSections = getattr(import_module(module), function)
    return draw(inputs)
