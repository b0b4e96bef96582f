"""YOLO's text files, with and without a description."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.data.doctor import examine
from vistry.data.reading import detect, guess_task
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


YAML = "train: ../train/images\nval: valid/images\nnc: 2\nnames: [nut, fig]\n"


def test_yolo_as_roboflow_exports_it(photo, put, tmp_path, boxes, messages):
    photo("train/images/a.jpg", size=(40, 20))
    photo("train/images/none.jpg", 2)
    photo("valid/images/b.jpg", 3, size=(40, 20))
    put("train/labels/a.txt", "1 0.5 0.5 0.5 0.5\n\n0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    put("valid/labels/b.txt", "")
    put("data.yaml", YAML)
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("yolo", SEGMENTATION)
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    assert boxes(table) == [("fig", [10, 5, 30, 15]), ("nut", [4, 2, 20, 10])]
    assert table.split.tolist() == [0, 0, 1]
    assert table.objects.lines.tolist() == [1, 3]
    assert messages(diagnosis, "image-background")[0].startswith(
        "2 image(s) without objects, such as train/images/none"
    )
    shapes = examine(tmp_path, SEGMENTATION)
    assert messages(shapes, "mask-missing") == ["train/images/a.jpg: the object has a box and no mask"]
    assert shapes.table.objects.shapes.rings_of(0)[0].tolist() == [[4, 2], [20, 2], [20, 10]]


def test_yolo_without_a_description(photo, put, tmp_path):
    photo("images/train/a.jpg", 1, size=(40, 20))
    photo("images/val/b.jpg", 2, size=(40, 20))
    put("labels/train/a.txt", "0 0.5 0.5 0.5 0.5")
    put("labels/val/b.txt", "1 0.5 0.5 0.5 0.5")
    assert detect(tmp_path) == "yolo"
    table = examine(tmp_path, DETECTION).table
    assert (table.classes, table.split.tolist()) == (("0", "1"), [0, 1])
    put("classes.txt", "nut\nfig\n")
    assert examine(tmp_path, DETECTION).table.classes == ("fig", "nut")


def test_yolo_with_lists_and_names_by_number(photo, put, tmp_path):
    photo("images/a.jpg", 1, size=(40, 20))
    photo("images/b.jpg", 2, size=(40, 20))
    put("labels/a.txt", "7 0.5 0.5 0.5 0.5")
    put("some.txt", "./images/a.jpg\n")
    put("data.yaml", "path: .\ntrain: some.txt\nval: [images]\nnames: {7: nut}\n")
    table = examine(tmp_path, DETECTION).table
    assert table.classes == ("nut",)
    assert [Path(image).name for image in table.images] == ["a.jpg", "b.jpg"] or len(table) == 2


def test_yolo_faults_have_file_and_line(photo, put, tmp_path, boxes):
    photo("images/a.jpg", size=(40, 20))
    lines = ("0 0.5 0.5", "9 0.5 0.5 0.1 0.1", "x 0 0 0 0", "0 0.5 0.5 nan 0.5", "0 1.2 0.5 0.2 0.2", "0 1 2 3 4 5")
    put("labels/a.txt", "\n".join((*lines, "0 16 12 4 4", "0 0.5 0.5 0.5 0.5", "0 0.5 0.5 0.5 0.5")))
    put("labels/orphan.txt", "0 0.5 0.5 0.5 0.5")
    put("data.yaml", "train: images\nnames: [nut]\n")
    diagnosis = examine(tmp_path, DETECTION)
    found = {f"{Path(fault.where).name} {fault.check}" for fault in diagnosis.findings}
    assert found >= {
        "a.txt:1 box-invalid",
        "a.txt:2 class-unknown",
        "a.txt:3 object-invalid",
        "a.txt:4 box-invalid",
        "a.txt:5 box-outside",
        "a.txt:6 box-invalid",
        "a.txt:7 box-units",
        "a.txt:9 box-duplicate",
        "orphan.txt annotation-orphan",
    }
    assert boxes(diagnosis.table) == [("nut", [10, 5, 30, 15])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images\nnc: 2\nnames: [nut]", "nc is 2, but names lists 1: nut"),
        ("train: images\nnames: nut", "'names' is 'nut', not a list of class names or names by number"),
        ("train: nowhere\nnames: [nut]", "'nowhere' of train is neither a folder nor a list of images below"),
        ("train: /etc\nnames: [nut]", "there is no image in '/etc'"),
        ("train: images\nnames: [nut]", "none of its images has a text file of labels, in labels/ or beside it"),
        ("train: [\nnames: nut", "data.yaml:2: not YAML: "),
    ],
)
def test_a_yolo_description_that_cannot_be_used(photo, put, tmp_path, text, message):
    photo("images/a.jpg")
    put("data.yaml", text)
    with pytest.raises(DataError) as caught:
        examine(tmp_path, DETECTION)
    assert message in str(caught.value)
