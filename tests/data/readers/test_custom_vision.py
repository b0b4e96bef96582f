"""Custom Vision's tagged-images.json."""

from __future__ import annotations

import json

import pytest
from vistry.data.doctor import examine
from vistry.data.reading import detect, guess_task
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


def test_custom_vision(photo, put, tmp_path, boxes):
    photo("images/a.jpg", size=(40, 20))
    tag = {"tag": "nut", "left": 0.25, "top": 0.1, "width": 0.25, "height": 0.4}
    files = [
        {"filename": "a.jpg", "tags": [tag, {"tag": "nut"}, "nut"]},
        {"tags": []},
        {"filename": "b.jpg", "tags": []},
    ]
    path = put("tagged-images.json", json.dumps({"files": files}, indent=1))
    first, second, third = (at for at, line in enumerate(path.read_text().splitlines(), 1) if line == "  {")
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("custom_vision", DETECTION)
    diagnosis = examine(tmp_path, DETECTION)
    assert boxes(diagnosis.table) == [("nut", [10, 2, 20, 10])]
    assert [(fault.check, fault.line) for fault in diagnosis.findings if fault.line] == [
        ("box-invalid", first),
        ("object-invalid", first),
        ("field-missing", second),
        ("image-missing", third),
    ]
    with pytest.raises(DataError, match="this format has boxes and no masks"):
        examine(tmp_path, SEGMENTATION)
