"""What the registry knows of the tasks."""

from __future__ import annotations

import pytest
from vistry.registry.tasks import TASKS, task_named


@pytest.mark.parametrize(
    ("alias", "one_label", "several_labels", "boxes", "masks"),
    [
        ("multiclass", True, False, False, False),
        ("multilabel", False, True, False, False),
        ("detection", False, False, True, False),
        ("segmentation", False, False, True, True),
    ],
)
def test_what_a_task_labels(alias: str, one_label: bool, several_labels: bool, boxes: bool, masks: bool) -> None:
    task = task_named(alias)
    assert (task.has_one_label, task.is_multilabel, task.has_boxes, task.has_masks) == (
        one_label,
        several_labels,
        boxes,
        masks,
    )


def test_names_and_aliases_are_of_one_task_each() -> None:
    names = [name for task in TASKS for name in (task.name, task.alias)]
    assert len(set(names)) == len(names) == 8
    assert [task_named(name) for name in names] == [task for task in TASKS for _ in range(2)]
