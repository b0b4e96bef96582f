"""JSON Lines as they lie: beside an MLTable, as metadata of an image folder, and with other names of fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.data.doctor import examine
from vistry.data.readers import jsonl as reader
from vistry.data.reading import guess_task, read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"
DETECTION = "image_object_detection"
BLOB = "azureml://subscriptions/1/resourcegroups/r/workspaces/w/datastores/blob/paths/up/ab12/pictures/{}"
BOX = {"label": "nut", "topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.6}


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def hosted(put: Callable[..., Path], photo: Callable[..., Path], tmp_path: Path) -> Path:
    """The hosted product's example: a folder with MLTable and JSON Lines for each split, beside that of the images."""
    names = {"training": ("a.jpg", "b.jpg"), "validation": ("c.jpg",)}
    for word, images in names.items():
        steps = "transformations:\n  - read_json_lines\n"
        put(f"data/{word}-mltable-folder/MLTable", f"paths:\n  - file: ./{word}.jsonl\n{steps}")
        records = [{"image_url": BLOB.format(image), "label": [BOX]} for image in images]
        put(f"data/{word}-mltable-folder/{word}.jsonl", lines(*records))
    for seed, image in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        photo(f"data/fridge/pictures/{image}", seed)
    return tmp_path / "data"


def test_fault_15_the_folder_around_the_mltables(hosted):
    table = read(hosted, DETECTION).table
    assert guess_task(hosted)[0] == DETECTION
    assert [Path(image).relative_to(hosted).as_posix() for image in table.images] == [
        f"fridge/pictures/{name}.jpg" for name in "abc"
    ]
    assert table.split.tolist() == [0, 0, 1]


@pytest.mark.parametrize("named", ["training-mltable-folder", "training-mltable-folder/MLTable"])
def test_fault_15_the_folder_of_an_mltable_finds_its_images_beside_it(hosted, named):
    reading = read(hosted / named, DETECTION)
    assert [Path(image).name for image in reading.table.images] == ["a.jpg", "b.jpg"]
    assert any(finding.check == "path-moved" and finding.count == 2 for finding in reading.findings)


def test_an_mltable_says_which_files_count(hosted, put):
    put("data/training-mltable-folder/old.jsonl", lines({"image_url": "a.jpg", "label": []}))
    assert len(read(hosted, DETECTION).table) == 3
    put("data/training-mltable-folder/MLTable", "paths:\n  - file: ./gone.jsonl\n")
    with pytest.raises(DataError, match=r"MLTable:2: it names './gone.jsonl', and there is no such file here"):
        read(hosted, DETECTION)


@pytest.mark.parametrize("nested", ["", "deep/er/"])
def test_the_metadata_of_an_image_folder(put, photo, tmp_path, nested):
    for split, image in (("train", "a.png"), ("test", "b.png")):
        photo(f"{nested}{split}/{image}")
        put(f"{nested}{split}/metadata.jsonl", lines({"file_name": image, "label": split[:2], "text": "words"}))
    table = read(tmp_path, MULTICLASS).table
    assert dict(zip([Path(image).name for image in table.images], table.split.tolist(), strict=True)) == {
        "a.png": 0,
        "b.png": 2,
    }


@pytest.mark.parametrize(
    "objects",
    [
        {"bbox": [[2, 3, 10, 8], [0, 0, 5, 5]], "categories": ["nut", "fig"]},
        {"id": [7, 8], "bbox": [[2, 3, 10, 8], [0, 0, 5, 5]], "category": ["nut", "fig"]},
        [{"bbox": [2, 3, 10, 8], "category": "nut"}, {"bbox": [0, 0, 5, 5], "category": "fig"}],
    ],
)
def test_the_objects_of_an_image_folder_are_in_pixels(put, photo, boxes, tmp_path, objects):
    photo("a.png")
    photo("b.png", 1)
    put("metadata.jsonl", lines({"file_name": "a.png", "objects": objects}, {"file_name": "b.png", "objects": []}))
    assert guess_task(tmp_path)[0] == DETECTION
    table = examine(tmp_path, DETECTION).table
    assert boxes(table) == [("nut", [2, 3, 12, 11]), ("fig", [0, 0, 5, 5])]
    assert boxes(table, 1) == []
    labels = read(tmp_path, MULTILABEL).table
    assert labels.classes == ("fig", "nut")


def test_objects_whose_lists_differ_cost_their_line(put, photo, tmp_path):
    photo("a.png")
    photo("b.png", 1)
    good = {"file_name": "a.png", "objects": {"bbox": [[2, 3, 10, 8]], "categories": [0]}}
    bad = {"file_name": "b.png", "objects": {"bbox": [[2, 3, 10, 8]], "categories": []}}
    put("metadata.jsonl", lines(good, bad))
    (fault,) = [finding for finding in read(tmp_path, DETECTION).findings if finding.severity == "error"]
    assert (fault.check, fault.line) == ("line-invalid", 2)


def test_fields_that_the_user_names(put, photo, tmp_path):
    photo("a.png")
    put("rows.jsonl", lines({"picture": "a.png", "kind": "nut", "part": "valid"}))
    columns = {"image": "picture", "label": "kind", "split": "part"}
    table = read(tmp_path, MULTICLASS, ReadingOptions.of(columns=columns)).table
    assert (table.classes, table.split.tolist()) == (("nut",), [1])


def test_lines_about_no_image_are_no_data_set(class_folders, put):
    put("log.jsonl", lines({"step": 1, "loss": 0.5}))
    assert read(class_folders, MULTICLASS).table.format == "folders"


def test_lines_without_labels_are_said(put, photo, tmp_path):
    photo("a.png")
    photo("b.png", 1)
    put("train.jsonl", lines({"image_url": "a.png", "label": "nut"}))
    put("test.jsonl", lines({"image_url": "b.png"}))
    reading = read(tmp_path, MULTICLASS)
    assert len(reading.table) == 1
    assert any(finding.check == "table-ignored" for finding in reading.findings)


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
def test_fault_32_labels_of_images_from_objects(put, photo, tmp_path, task):
    photo("a.png")
    photo("b.png", 1)
    fig = {**BOX, "label": "fig"}
    put("data.jsonl", lines({"image_url": "a.png", "label": [BOX, BOX]}, {"image_url": "b.png", "label": [fig]}))
    reading = read(tmp_path, task)
    table = reading.table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["nut"], ["fig"]]
    assert any(finding.check == "labels-from-objects" for finding in reading.findings)


def test_a_run_s_own_rows_are_never_looked_up_elsewhere(put, photo, tmp_path):
    photo("run/a.png")
    path = put("run/train.jsonl", lines({"image_url": str(tmp_path / "gone/a.png"), "label": [BOX]}))
    reading = reader.read_exact(path, DETECTION)
    assert list(reading.table.images) == [str(tmp_path / "gone/a.png")]
    assert reading.findings == ()
