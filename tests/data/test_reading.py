from __future__ import annotations

import json

import pytest
from vistry.data.formats import Formats
from vistry.data.reading import detect, guess_task, read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

MULTICLASS = "image_classification"


def test_formats_are_detected_annotation_files_first(class_folders, jsonl, tmp_path):
    assert detect(tmp_path) == "folders"
    (tmp_path / "labels.csv").write_text("image,label\ncat/01.jpg,cat\n")
    assert detect(tmp_path) == "csv"
    jsonl(("cat/01.jpg", "cat"))
    assert detect(tmp_path) == "jsonl"


def test_a_format_may_be_named(class_folders, jsonl, tmp_path):
    jsonl(("cat/01.jpg", "cat"))
    assert len(read(tmp_path, MULTICLASS, ReadingOptions("folders")).table) == 24


@pytest.mark.parametrize("name", Formats.of(None).by_name)
def test_a_named_format_that_does_not_fit(tmp_path, name):
    (tmp_path / "a.xml").touch()
    with pytest.raises(DataError, match=r"this is not .*; found 1 .xml file\(s\)"):
        read(tmp_path, MULTICLASS, ReadingOptions(name))


def test_a_named_format_takes_a_file_of_any_suffix(tmp_path):
    (tmp_path / "labels.txt").write_text("image,label\na.jpg,cat\n")
    assert len(read(tmp_path / "labels.txt", MULTICLASS, ReadingOptions("csv")).table) == 1


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("jsnol", "there is no data format 'jsnol'; did you mean 'jsonl'?"),
        (
            "pickle",
            "there is no data format 'pickle'; known: " + ", ".join(Formats.of(None).by_name),
        ),
    ],
)
def test_an_unknown_format(tmp_path, format, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, MULTICLASS, ReadingOptions(format))
    assert str(caught.value) == message


def test_a_missing_path(tmp_path):
    with pytest.raises(DataError, match="nowhere: there is no such file or folder; check the path"):
        read(tmp_path / "nowhere", MULTICLASS)


def test_data_of_no_known_format(tmp_path):
    (tmp_path / "a.xml").touch()
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"no known format fits; found 1 .xml file\(s\), 1 folder\(s\). Formats: jsonl"):
        read(tmp_path, MULTICLASS)


def test_a_file_of_no_known_format(photo):
    with pytest.raises(DataError, match=r"no known format fits; found a .png file of \d+ bytes"):
        read(photo("a.png"), MULTICLASS)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="found an empty folder"):
        read(tmp_path, MULTICLASS)


def test_nothing_readable_names_the_first_fault(jsonl):
    path = jsonl("{", "{")
    with pytest.raises(DataError, match=f"none of 2 rows could be read; the first: {path}:1: not JSON"):
        read(path, MULTICLASS)


def test_an_unreadable_file_names_it(jsonl, monkeypatch):
    path = jsonl(("a.jpg", "cat"))

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("vistry.data.readers.jsonl.read", refuse)
    with pytest.raises(DataError, match=f"{path}: can't be read: Permission denied"):
        read(path, MULTICLASS)


def test_labels_of_whole_images_are_no_objects(tmp_path):
    (tmp_path / "a.csv").write_text("image,label\na.jpg,cat\n")
    message = "image-level labels can't be used for image_object_detection, which needs boxes or masks; use --task"
    with pytest.raises(DataError, match=message):
        read(tmp_path, "image_object_detection", ReadingOptions("csv"))


@pytest.mark.parametrize("corners", ["xmin,ymin,xmax,ymax", "X1,Y1,X2,Y2"])
def test_fault_32_boxes_in_csv_are_objects(tmp_path, photo, corners):
    photo("a.jpg")
    (tmp_path / "a.csv").write_text(f"image,{corners},label\na.jpg,1,2,3,4,cat\n")
    assert guess_task(tmp_path)[0] == "image_object_detection"
    assert read(tmp_path, "image_object_detection").table.format == "csv_boxes"
    reading = read(tmp_path, "image_classification_multilabel")
    assert reading.table.classes == ("cat",)
    assert any(finding.check == "labels-from-objects" for finding in reading.findings)


def coco_file(path, objects):
    """A COCO file with an image for each list of class names."""
    names = sorted({name for of_image in objects for name in of_image})
    images = [{"id": row, "file_name": f"{row}.jpg", "width": 9, "height": 9} for row in range(len(objects))]
    annotations = [
        {"id": 100 * row + number, "image_id": row, "category_id": names.index(name), "bbox": [1, 1, 5, 5]}
        for row, of_image in enumerate(objects)
        for number, name in enumerate(of_image)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (path / "objects.json").write_text(json.dumps(content))


def test_labels_of_whole_images_come_from_objects(photo, tmp_path):
    for row in range(3):
        photo(f"{row}.jpg")
    coco_file(tmp_path, [["cat", "dog", "cat"], ["dog"], []])
    reading = read(tmp_path, "image_classification_multilabel")
    assert reading.table.classes == ("cat", "dog")
    assert [reading.table.labels_of(row).tolist() for row in range(3)] == [[0, 1], [1], []]
    assert [finding.check for finding in reading.findings] == ["labels-from-objects"]


def test_one_label_of_an_image_comes_from_objects_of_one_class(photo, tmp_path):
    for row in range(4):
        photo(f"{row}.jpg")
    coco_file(tmp_path, [["cat", "cat"], ["dog"], [], ["cat"]])
    reading = read(tmp_path, MULTICLASS)
    assert [reading.table.classes[int(labels[0])] for _, labels in reading.table] == ["cat", "dog", "cat"]
    assert [finding.severity for finding in reading.findings] == ["info", "error"]
    coco_file(tmp_path, [["cat", "dog"], ["cat", "dog"], [], ["cat"]])
    with pytest.raises(DataError, match="2 of 4 images have objects of several classes, 1 have none, .*multilabel"):
        read(tmp_path, MULTICLASS)


def test_folders_are_the_last_resort(class_folders, tmp_path):
    content = {"images": [{"id": 1, "file_name": "cat/01.jpg"}], "annotations": [], "categories": []}
    (tmp_path / "objects.json").write_text(json.dumps(content))
    assert {detect(tmp_path, task) for task in (None, MULTICLASS, "image_object_detection")} == {"coco"}


@pytest.mark.parametrize(
    ("label", "task"),
    [
        ("cat", "image_classification"),
        (["cat"], "image_classification_multilabel"),
        ([], "image_classification_multilabel"),
        ([{"label": "cat", "topX": 0}], "image_object_detection"),
        ([{"label": "cat", "polygon": [[]]}], "image_instance_segmentation"),
    ],
)
def test_the_task_is_guessed_from_json_labels(jsonl, label, task):
    assert guess_task(jsonl("{", ("a.jpg", label)))[0] == task


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("image,label\na.jpg,nut\n", "image_classification"),
        ("image,labels\na.jpg,nut|fig\n", "image_classification_multilabel"),
        ("image,labels\na.jpg,nut\nb.jpg,\n", "image_classification_multilabel"),
        ("image,nut,fig\na.jpg,0,1\n", "image_classification"),
        ("image,nut,fig\na.jpg,1,1\n", "image_classification_multilabel"),
        ("", "image_classification"),
    ],
)
def test_the_task_is_guessed_from_csv_cells(tmp_path, text, task):
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert guess_task(path)[0] == task


def test_folders_are_multiclass(class_folders):
    assert guess_task(class_folders) == ("image_classification", "a folder for each class")


def test_a_role_of_a_column_that_there_is_not():
    with pytest.raises(DataError, match="columns: there is no role 'labl'; did you mean 'label'"):
        ReadingOptions.of(columns={"labl": "species"})


def test_what_a_format_has_no_use_for_is_refused(class_folders):
    with pytest.raises(DataError, match="--columns label=x says nothing about folders, a folder of images"):
        read(class_folders, MULTICLASS, ReadingOptions("folders", columns=(("label", "x"),)))
