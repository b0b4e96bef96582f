"""The table of what the report draws about each task."""

from __future__ import annotations

from importlib import import_module

import pytest
from vistry.errors import VistryError
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.tasks import TASKS
from vistry.report.inputs import ReportInputs
from vistry.report.tasks import task_sections


def test_every_task_of_the_registry_has_its_sections() -> None:
    for task in TASKS:
        module, _, function = task.sections.partition(":")
        assert callable(getattr(import_module(module), function)), task.name


def test_an_unknown_task_is_an_error_with_a_suggestion() -> None:
    inputs = ReportInputs(images=(), classes=(), tensors={}, hyperparameters=Hyperparameters.of({}))
    with pytest.raises(VistryError, match="unknown task 'image_clasification'; did you mean 'image_classification'"):
        task_sections("image_clasification", inputs)
