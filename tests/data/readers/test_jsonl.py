from __future__ import annotations

import json

import pytest
from vistry.data.reading import read
from vistry.errors import DataError

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"


@pytest.fixture(autouse=True)
def _an_image(photo):
    """A folder without an image is no data folder on its own: images are looked for around it."""
    photo("elsewhere.png")


def labels_of(reading):
    table = reading.table
    return [[table.classes[label] for label in labels] for _, labels in table]


def test_multiclass_rows_in_order_with_alphabetical_classes(jsonl, tmp_path):
    reading = read(jsonl(("b.jpg", "nut"), ("sub/a.jpg", "fig"), ("c.jpg", "nut")), MULTICLASS)
    assert reading.findings == ()
    assert reading.table.classes == ("fig", "nut")
    assert reading.table.images == [str(tmp_path / name) for name in ("b.jpg", "sub/a.jpg", "c.jpg")]
    assert labels_of(reading) == [["nut"], ["fig"], ["nut"]]
    assert reading.table.lines.tolist() == [1, 2, 3]


def test_multilabel_rows_with_none_and_with_a_repeat(jsonl):
    reading = read(jsonl(("a.jpg", ["nut", "fig", "nut"]), ("b.jpg", [])), MULTILABEL)
    assert labels_of(reading) == [["nut", "fig"], []]


def test_integers_are_class_names(jsonl):
    assert read(jsonl(("a.jpg", 3), ("b.jpg", 20)), MULTICLASS).table.classes == ("20", "3")


def test_bom_crlf_and_blank_lines_are_accepted(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"image_url":"a.jpg","label":"nut"}\r\n\r\n  \n{"image_url":"b.jpg","label":"fig"}')
    reading = read(path, MULTICLASS)
    assert labels_of(reading) == [["nut"], ["fig"]]
    assert reading.table.lines.tolist() == [1, 4]


@pytest.mark.parametrize(
    ("line", "check", "message"),
    [
        ('{"image_url": "b.jpg", "label": "nut",}', "line-invalid", "not JSON: "),
        ('["b.jpg", "nut"]', "line-invalid", "expected a JSON object on each line, got ['b.jpg', 'nut']"),
        ("[" * 100_000, "line-invalid", "not JSON: "),
        ('{"label": "nut", "image": "b.jpg"}', "field-missing", "no 'image_url' among the fields (image, label)"),
        ('{"image_url": "b.jpg"}', "field-missing", "no 'label' field"),
        ('{"image_url": 7, "label": "nut"}', "field-missing", "'image_url' is not text but 7"),
        ('{"image_url": "sub/", "label": "nut"}', "field-missing", "'sub/' doesn't name an image file"),
        ('{"image_url": "b.jpg", "label": null}', "label-invalid", "the label is null, not text or an integer"),
        ('{"image_url": "b.jpg", "label": 1.5}', "label-invalid", "the label is a decimal number"),
        ('{"image_url": "b.jpg", "label": true}', "label-invalid", "the label is true or false"),
        ('{"image_url": "b.jpg", "label": " "}', "label-empty", "the label is empty"),
        ('{"image_url": "b.jpg", "label": "\\ud800"}', "name-encoding", "the label '\\ud800' is not valid Unicode"),
        ('{"image_url": "\\ud800.jpg", "label": "n"}', "name-encoding", "the path '\\ud800.jpg' is not valid Unicode"),
    ],
)
def test_a_bad_line_costs_that_line_only(jsonl, line, check, message):
    path = jsonl(("a.jpg", "nut"), line, ("c.jpg", "fig"))
    reading = read(path, MULTICLASS)
    assert labels_of(reading) == [["nut"], ["fig"]]
    (fault,) = reading.findings
    assert (fault.check, fault.severity, fault.file, fault.line) == (check, "error", str(path), 2)
    assert fault.message.startswith(message)


def test_a_line_that_is_not_utf8(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"image_url":"a.jpg","label":"nut"}\n{"image_url":"\xff.jpg","label":"nut"}\n')
    (fault,) = read(path, MULTICLASS).findings
    assert fault.message == "not UTF-8 at byte 15 of the line"


def test_a_lost_row_leaves_no_class_behind(jsonl):
    reading = read(jsonl(("a.jpg", ["nut"]), ("b.jpg", ["fig", None])), MULTILABEL)
    assert reading.table.classes == ("nut",)


@pytest.mark.parametrize(
    ("rows", "task", "message"),
    [
        ([("a.jpg", "nut"), ("b.jpg", ["nut"])], MULTICLASS, ":2: the label is a list, but image_classification takes"),
        ([("a.jpg", "nut")], MULTILABEL, ":1: the label is text, but image_classification_multilabel takes a list"),
        ([("a.jpg", "nut"), ("b.jpg", [{"label": "nut"}])], MULTICLASS, ":2: the label is a list of boxes or polygons"),
        ([("a.jpg", ["n"]), ("b.jpg", [{"label": "n"}])], MULTILABEL, ":2: the label is a list of boxes or polygons"),
        ([("a.jpg", 3), ("b.jpg", "3")], MULTICLASS, ":2: the label '3' is text, but an earlier one, 3, is not"),
        ([("a.jpg", "x"), ("b.jpg", 3)], MULTICLASS, ":2: the label 3 is a number, but an earlier one, 'x', is not"),
    ],
)
def test_labels_that_do_not_fit_the_task_are_one_error(jsonl, rows, task, message):
    path = jsonl(*rows)
    with pytest.raises(DataError) as caught:
        read(path, task)
    assert str(caught.value).startswith(f"{path}{message}")


def test_spaces_around_labels_are_removed_and_told(jsonl):
    path = jsonl(("a.jpg", "nut "), ("b.jpg", "nut"), ("c.jpg", " fig"))
    reading = read(path, MULTICLASS)
    assert reading.table.classes == ("fig", "nut")
    (remark,) = reading.findings
    assert (remark.check, remark.count) == ("label-spaces", 2)
    assert remark.message == "spaces around 2 label(s) were removed: 'nut ', ' fig'"


def test_a_folder_with_files_named_for_splits(jsonl, tmp_path, photo):
    for name in "abcd":
        photo(f"{name}.jpg")
    jsonl(("a.jpg", "nut"), name="train_annotations.jsonl")
    jsonl(("b.jpg", "fig"), ("c.jpg", "nut"), name="validation_annotations.jsonl")
    jsonl(("d.jpg", "fig"), name="test.jsonl")
    table = read(tmp_path, MULTICLASS).table
    assert [len(table.rows_of(split)) for split in ("train", "validation", "test")] == [1, 2, 1]
    row = int(table.rows_of("validation")[1])
    assert table.where(row) == f"{tmp_path / 'validation_annotations.jsonl'}:2"


def test_several_files_without_a_split_name_are_ambiguous(jsonl, tmp_path, photo):
    photo("a.jpg")
    jsonl(("a.jpg", "nut"), name="one.jsonl")
    jsonl(("a.jpg", "nut"), name="two.jsonl")
    with pytest.raises(DataError, match=r"2 annotation files \(one.jsonl, two.jsonl\), none named train"):
        read(tmp_path, MULTICLASS)


def test_hidden_files_are_not_annotation_files(jsonl, tmp_path, photo):
    photo("a.jpg")
    jsonl(("a.jpg", "nut"), name="data.jsonl")
    (tmp_path / "._data.jsonl").write_bytes(b"\0\5\x16\7")
    assert len(read(tmp_path, MULTICLASS).table) == 1


def test_unknown_fields_are_ignored(tmp_path):
    row = {"image_url": "a.jpg", "image_details": {"width": "400px"}, "label": "nut", "label_confidence": 1.0}
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(row))
    assert len(read(path, MULTICLASS).table) == 1
