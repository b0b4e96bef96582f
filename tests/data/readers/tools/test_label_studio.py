from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.data.doctor import examine
from vistry.data.findings import FindingError
from vistry.data.readers.tool_addresses import names_of
from vistry.data.readers.tools import brush
from vistry.data.reading import detect, guess_task, read

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
SIZE = {"original_width": 40, "original_height": 20}
BOX = {"x": 25, "y": 50, "width": 25, "height": 25, "rotation": 0, "rectanglelabels": ["cat"]}


def result(value):
    return {**SIZE, "value": value, "from_name": "label", "to_name": "image", "type": "rectanglelabels"}


def task(image, *results, key="annotations", **more):
    return {"id": 1, "data": {"image": image}, key: [{"result": list(results), "was_cancelled": False}], **more}


@pytest.fixture
def export(photo, tmp_path):
    """Write an export of tasks beside pictures 0.jpg, 1.jpg and return the folder."""

    def write(*tasks):
        for number in range(max(2, len(tasks))):
            photo(f"images/{number}.jpg", number, (40, 20))
        (tmp_path / "project-1-at-2024.json").write_text(json.dumps(list(tasks)))
        return tmp_path

    return write


def test_rectangles_are_in_percent(export):
    folder = export(task("/data/upload/1/8f2c91ab-0.jpg", result(BOX)), task("images/1.jpg"))
    assert (detect(folder), guess_task(folder)[0]) == ("label_studio", DETECTION)
    table = examine(folder, DETECTION).table
    assert table.objects.boxes.tolist() == [[10, 10, 20, 15]]
    assert [len(table.labels_of(row)) for row in range(2)] == [1, 0]


def test_a_turned_rectangle_is_the_box_around_it(export):
    # 10 x 5 pixels, turned by a quarter around its upper left corner at (10, 10).
    folder = export(task("images/0.jpg", result(BOX | {"rotation": 90})))
    np.testing.assert_allclose(examine(folder, DETECTION).table.objects.boxes, [[5, 10, 10, 20]], atol=1e-5)


def test_polygons_and_ellipses(export):
    polygon = {"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["cat"]}
    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 0, "ellipselabels": ["dog"]}
    table = examine(export(task("images/0.jpg", result(polygon), result(ellipse))), SEGMENTATION).table
    assert table.objects.boxes[0].tolist() == [0, 0, 20, 10]
    np.testing.assert_allclose(table.objects.boxes[1], [16, 6, 24, 14], atol=0.1)


def test_a_brush_is_a_mask(export, masks_of_row):
    mask = np.zeros((20, 40), dtype=bool)
    mask[3:9, 5:30] = True
    mask[12:15, 2:4] = True
    value = {"format": "rle", "rle": brush.encode(mask), "brushlabels": ["cat"]}
    table = examine(export(task("images/0.jpg", result(value))), SEGMENTATION).table
    assert np.array_equal(masks_of_row(table, 0)[0], mask)


def test_choices_are_labels_of_whole_images(export):
    choices = [{"value": {"choices": names}} for names in (["cat"], ["cat", "dog"])]
    folder = export(*(task(f"images/{at}.jpg", choice) for at, choice in enumerate(choices)))
    assert guess_task(folder)[0] == MULTILABEL
    table = read(folder, MULTILABEL).table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["cat"], ["cat", "dog"]]


def test_the_short_export(export):
    boxes = {"image": "/data/upload/1/8f2c91ab-0.jpg", "id": 1, "annotator": 1, "annotation_id": 4}
    table = examine(export(boxes | {"label": [{**BOX, **SIZE}]}), DETECTION).table
    assert table.objects.boxes.tolist() == [[10, 10, 20, 15]]
    choice = [{"image": f"images/{at}.jpg", "id": at, "annotator": 1, "choice": name} for at, name in enumerate("ab")]
    assert read(export(*choice), MULTICLASS).table.classes == ("a", "b")


def test_tasks_that_nobody_has_annotated_are_no_negatives(export):
    skipped = task("images/1.jpg") | {"annotations": [{"result": [], "was_cancelled": True}]}
    reading = read(export(task("images/0.jpg", result(BOX)), skipped), DETECTION)
    assert len(reading.table) == 1
    assert {finding.check: finding.count for finding in reading.findings}["image-unlabelled"] == 1


def test_what_a_model_said_counts_where_nobody_corrected_it(export):
    dog = BOX | {"rectanglelabels": ["dog"]}
    corrected = task("images/0.jpg", result(BOX)) | {"predictions": [{"result": [result(dog)]}]}
    table = read(export(corrected, task("images/1.jpg", result(dog), key="predictions")), DETECTION).table
    assert [table.classes[label] for label in table.labels] == ["cat", "dog"]


ADDRESSES = {
    "/data/upload/1/8f2c91ab-a.png": "data/upload/1/a.png",
    "/data/local-files/?d=images/a%20b.png": "images/a b.png",
    "images\\1/x.png": "images/1/x.png",
    "s3://bucket/images/a.png": "s3://bucket/images/a.png",
    "http://localhost:8080/images/a%20b.png": "images/a b.png",
    "plain.png": "plain.png",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_fault_19_addresses_of_a_server_lead_to_names(address):
    assert ADDRESSES[address] in [name.lstrip("/") for name in names_of(address)]


def test_a_stream_of_bits_by_hand():
    # 8 values: two pixels of four channels. Words of 8 bits, lengths of 4, 4, 8 and 16 bits. A run of four zeros, then
    # four values that are written out: 1, 2, 3, 255.
    head = f"{8:032b}" + f"{7:05b}" + "".join(f"{size - 1:04b}" for size in (4, 4, 8, 16))
    run = "1" + "00" + f"{3:04b}" + f"{0:08b}"
    written = "0" + "01" + f"{3:04b}" + "".join(f"{value:08b}" for value in (1, 2, 3, 255))
    bits = head + run + written
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert brush.decode(stream, 2, 1).tolist() == [[False, True]]
    for broken, size in ((stream[:-3], (2, 1)), (stream, (2, 2)), ([], (1, 1))):
        with pytest.raises(FindingError, match="the brush's run lengths can't be read"):
            brush.decode(broken, *size)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_mask_survives_the_brush(width, height, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    assert np.array_equal(brush.decode(brush.encode(mask), width, height), mask)
