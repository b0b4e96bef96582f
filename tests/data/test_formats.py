from __future__ import annotations

import pytest
from vistry.data.formats import FORMATS, by_preference, format_named, writer_named
from vistry.data.writers import coco
from vistry.errors import DataError
from vistry.registry.tasks import TASKS


def test_formats_with_labels_for_the_task_come_first():
    assert by_preference("image_classification")[:3] == ["jsonl", "csv", "folders"]
    assert by_preference("image_instance_segmentation")[:5] == ["jsonl", "coco", "voc", "yolo", "masks"]
    assert by_preference(None) == list(FORMATS)
    assert all(sorted(by_preference(task.name)) == sorted(FORMATS) for task in TASKS)


def test_each_format_serves_tasks_there_are():
    names = {task.name for task in TASKS}
    assert all(entry.tasks and names.issuperset(entry.tasks) for entry in FORMATS.values())


def test_an_unknown_name_is_an_error_with_a_suggestion():
    assert writer_named("coco") is coco
    with pytest.raises(DataError, match="there is no data format 'cocoo'; did you mean 'coco'?"):
        format_named("cocoo")
    with pytest.raises(DataError, match="no data format 'yolo' that can be written; known: jsonl, coco"):
        writer_named("yolo")
