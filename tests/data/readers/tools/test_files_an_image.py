"""Tools that write a JSON file an image: labelme and Supervisely."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
import vistry
from PIL import Image
from vistry.data.reading import detect, guess_task, read
from vistry.errors import DataError

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
WIDTH, HEIGHT = 32, 24


def labelme_shape(kind, points, label="cat", **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


@pytest.fixture
def labelme(photo, tmp_path):
    """Write labelme's file for a picture and return the data folder."""

    def write(*shapes, name="a", flags=None, path=None):
        photo(f"images/{name}.jpg", size=(WIDTH, HEIGHT))
        record = {"version": "5.4.1", "flags": flags or {}, "shapes": list(shapes), "imageData": None}
        record |= {"imagePath": path or f"..\\images\\{name}.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (tmp_path / "json").mkdir(exist_ok=True)
        (tmp_path / "json" / f"{name}.json").write_text(json.dumps(record))
        return tmp_path

    return write


def boxes(table):
    return [(table.classes[label], *box) for label, box in zip(table.labels, table.objects.boxes.tolist(), strict=True)]


def test_labelme_shapes(labelme):
    folder = labelme(
        labelme_shape("rectangle", [[10, 12], [2, 3]]),
        labelme_shape("polygon", [[1, 1], [5, 1], [5, 6]], "dog"),
        labelme_shape("circle", [[10, 10], [13, 14]], "sun"),
    )
    assert (detect(folder), guess_task(folder)[0]) == ("labelme", SEGMENTATION)
    found = boxes(read(folder, DETECTION).table)
    assert found[0] == ("cat", 2, 3, 10, 12)
    assert ("dog", 1, 1, 5, 6) in found
    (sun,) = [box for label, *box in found if label == "sun"]
    np.testing.assert_allclose(sun, [5, 5, 15, 15], atol=0.05)


def test_polygons_of_one_group_are_one_object(labelme, masks_of_row):
    square = [[2, 2], [6, 2], [6, 6], [2, 6]]
    other = [[x + 10, y] for x, y in square]
    shapes = [labelme_shape("polygon", ring, group_id=7) for ring in (square, other)]
    table = read(labelme(*shapes, labelme_shape("polygon", [[20, 20], [24, 20], [24, 23]])), SEGMENTATION).table
    assert sorted(boxes(table)) == [("cat", 2, 2, 16, 6), ("cat", 20, 20, 24, 23)]


def test_a_mask_in_a_box(labelme, masks_of_row):
    pixels = np.array([[1, 0, 1], [1, 1, 1]], dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels * 255).save(stream, "PNG")
    mask = base64.b64encode(stream.getvalue()).decode()
    table = read(labelme(labelme_shape("mask", [[4, 5], [6, 6]], mask=mask)), SEGMENTATION).table
    whole = np.zeros((HEIGHT, WIDTH), dtype=bool)
    whole[5:7, 4:7] = pixels
    assert np.array_equal(masks_of_row(table, 0)[0], whole)


def test_flags_of_images_are_labels(labelme):
    labelme(name="a", flags={"cat": True, "dog": False})
    folder = labelme(name="b", flags={"cat": True, "dog": True})
    assert guess_task(folder)[0] == MULTILABEL
    table = read(folder, MULTILABEL).table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["cat"], ["cat", "dog"]]


def test_the_name_of_a_copied_file_wins(labelme):
    labelme(labelme_shape("rectangle", [[1, 1], [5, 5]]), name="a")
    folder = labelme(labelme_shape("rectangle", [[2, 2], [9, 9]], "dog"), name="b", path="../images/a.jpg")
    table = read(folder, DETECTION).table
    names = [image.rpartition("/")[2] for image in table.images]
    assert [(name, table.classes[table.labels_of(row)[0]]) for row, name in enumerate(names)] == [
        ("a.jpg", "cat"),
        ("b.jpg", "dog"),
    ]


def test_a_line_has_no_area(labelme):
    shapes = labelme_shape("line", [[1, 1], [2, 2]]), labelme_shape("rectangle", [[1, 1], [5, 5]])
    reading = read(labelme(*shapes), DETECTION)
    assert len(reading.table.labels) == 1
    assert "a line is a shape without an area" in [finding.message for finding in reading.findings]


@pytest.fixture
def supervisely(photo, tmp_path):
    """Write Supervisely's file for a picture and return the data folder."""

    def write(*objects, tags=(), split="train"):
        photo(f"{split}/img/a.jpg", size=(WIDTH, HEIGHT))
        record = {"description": "", "tags": [{"name": name} for name in tags], "objects": list(objects)}
        record |= {"size": {"height": HEIGHT, "width": WIDTH}}
        (tmp_path / split / "ann").mkdir(parents=True, exist_ok=True)
        (tmp_path / split / "ann/a.jpg.json").write_text(json.dumps(record))
        (tmp_path / "meta.json").write_text(json.dumps({"classes": [{"title": "cat"}]}))
        return tmp_path

    return write


def test_supervisely_objects(supervisely, masks_of_row):
    pixels = np.array([[1, 0, 1], [1, 1, 1]], dtype=bool)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    folder = supervisely(
        {"classTitle": "cat", "geometryType": "rectangle", "points": {"exterior": [[1, 2], [9, 8]], "interior": []}},
        {"classTitle": "dog", "geometryType": "bitmap", "bitmap": {"data": data, "origin": [4, 5]}},
    )
    assert detect(folder) == "supervisely"
    table = read(folder, SEGMENTATION).table
    assert table.split.tolist() == [0]
    assert boxes(table) == [("cat", 1, 2, 9, 8), ("dog", 4, 5, 7, 7)]
    assert int(masks_of_row(table, 0)[1].sum()) == 5


def test_labelme_gets_a_file_beside_each_image(photo, tmp_path):
    """What labelme itself asks of a file: these keys, shapes of a known kind, and a picture that lies where it says."""
    photo("data/train/a.jpg", 0, (WIDTH, HEIGHT))
    photo("data/b.jpg", 1, (WIDTH, HEIGHT))
    rows = [("train/a.jpg", [2, 3, 10, 12]), ("b.jpg", [1.5, 2.5, 9, 9])]
    for split, (name, (x1, y1, x2, y2)) in zip(("train", "validation"), rows, strict=True):
        box = {"topX": x1 / WIDTH, "topY": y1 / HEIGHT, "bottomX": x2 / WIDTH, "bottomY": y2 / HEIGHT}
        record = {"image_url": name, "label": [{"label": "cat", **box}]}
        (tmp_path / f"data/{split}.jsonl").write_text(json.dumps(record) + "\n")
    vistry.convert(tmp_path / "data", tmp_path / "data", to="labelme", task="detection")
    # The folder says the split of one image; that of the other needs a folder of its own.
    for file, image, box in (("train/a.json", "a.jpg", rows[0][1]), ("val/b.json", "../b.jpg", rows[1][1])):
        record = json.loads((tmp_path / "data" / file).read_text())
        assert {"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"} <= record.keys()
        assert (record["imagePath"], record["imageWidth"], record["imageHeight"]) == (image, WIDTH, HEIGHT)
        assert ((tmp_path / "data" / file).parent / record["imagePath"]).is_file()
        (shape,) = record["shapes"]
        assert (shape["label"], shape["shape_type"]) == ("cat", "rectangle")
        np.testing.assert_allclose(np.ravel(shape["points"]), box, atol=1e-5)
    for split in ("train", "validation"):
        (tmp_path / f"data/{split}.jsonl").unlink()
    table = read(tmp_path / "data", DETECTION).table
    assert [table.split[row] for row in np.argsort(table.images)] == [1, 0]


def test_labelme_has_no_file_for_two_images(photo, tmp_path):
    for name in ("a.jpg", "a.png"):
        photo(name, 0)
    lines = [json.dumps({"image_url": name, "label": []}) for name in ("a.jpg", "a.png")]
    (tmp_path / "data.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"a.jpg and a.png would share the file a.json; rename one of them"):
        vistry.convert(tmp_path / "data.jsonl", tmp_path, to="labelme", task="detection")


def test_labelme_refuses_crowds(photo, tmp_path):
    photo("a.jpg", 0)
    box = {"label": "cat", "topX": 0.1, "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5, "isCrowd": 1}
    (tmp_path / "data.jsonl").write_text(json.dumps({"image_url": "a.jpg", "label": [box]}) + "\n")
    with pytest.raises(DataError, match=r"1 object\(s\) are crowds, .* labelme can't say; write coco, jsonl or voc"):
        vistry.convert(tmp_path / "data.jsonl", tmp_path, to="labelme", task="detection")
