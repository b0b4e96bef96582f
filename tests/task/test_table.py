"""The table of tasks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from vistry.errors import VistryError
from vistry.registry.tasks import TASK_NAMES
from vistry.task import behaviour_of


def test_every_task_of_the_registry_has_a_behaviour() -> None:
    assert [behaviour_of(name).name for name in TASK_NAMES] == list(TASK_NAMES)


def test_an_unknown_task_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(
        VistryError, match="unknown task 'image_clasification'; did you mean 'image_classification'"
    ) as raised:
        behaviour_of("image_clasification")
    assert raised.value.exit_status == 2
    with pytest.raises(VistryError, match="unknown task 'x'; known: image_classification, "):
        behaviour_of("x")


def test_a_classifier_does_not_load_what_a_detector_needs() -> None:
    code = (
        "import sys; from vistry.task import behaviour_of; behaviour_of('image_classification'); "
        "sys.exit(' '.join({'vistry.task.detection', 'torch', 'jax'} & "
        "set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
