from __future__ import annotations

import pytest
from vistry.data.formats import Formats
from vistry.errors import DataError
from vistry.registry.tasks import TASKS

FORMATS = Formats.of(None)


def test_formats_with_labels_for_the_task_come_first():
    made_for_labels = FORMATS.by_preference("image_classification")
    assert made_for_labels.index("folders") < made_for_labels.index("coco")
    assert FORMATS.by_preference("image_instance_segmentation")[:4] == ["jsonl", "coco", "voc", "yolo"]
    assert FORMATS.by_preference(None) == list(FORMATS.by_name)
    assert all(sorted(FORMATS.by_preference(task.name)) == sorted(FORMATS.by_name) for task in TASKS)


def test_each_format_serves_tasks_there_are():
    names = {task.name for task in TASKS}
    assert all(entry.tasks and names.issuperset(entry.tasks) for entry in FORMATS.by_name.values())


def test_an_unknown_name_is_an_error_with_a_suggestion():
    assert FORMATS.writer_named("coco").SUFFIX == ".json"
    with pytest.raises(DataError, match="there is no data format 'cocoo'; did you mean 'coco'?"):
        FORMATS.named("cocoo")
    with pytest.raises(DataError, match="no data format 'masks' that can be written; known: jsonl, coco"):
        FORMATS.writer_named("masks")
