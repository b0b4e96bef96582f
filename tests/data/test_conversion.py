from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.cli import main
from vistry.data.doctor import examine

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


def convert(*arguments):
    return CliRunner().invoke(main, ["convert", *map(str, arguments)], catch_exceptions=False)


def corners(box):
    return (*box[0], *box[1])


ENDS = st.lists(st.integers(100, 9_999), min_size=2, max_size=2, unique=True)
SIDES = ENDS.map(lambda ends: sorted(end / 9_999 for end in ends))
BOXES = st.tuples(SIDES, SIDES, st.sampled_from(["nut", "fig", "datte é"]), st.booleans())
IMAGES = st.lists(st.lists(BOXES, max_size=4, unique_by=corners), min_size=1, max_size=3)


def line(folder, name, boxes):
    label = [
        {"label": label, "topX": x1, "topY": y1, "bottomX": x2, "bottomY": y2, "isCrowd": int(crowd)}
        for (x1, x2), (y1, y2), label, crowd in boxes
    ]
    return json.dumps({"image_url": str(folder / name), "label": label}) + "\n"


@settings(max_examples=20)
@given(IMAGES)
def test_boxes_survive_the_way_to_coco_and_back(tmp_path_factory, images):
    from PIL import Image

    folder = tmp_path_factory.mktemp("convert")
    text = ""
    for at, boxes in enumerate(images):
        Image.new("RGB", (311 + at, 207), (at, 0, 0)).save(folder / f"{at}.png")
        text += line(folder, f"{at}.png", boxes)
    (folder / "first.jsonl").write_text(text)
    assert convert(folder / "first.jsonl", folder / "second.json", "--to", "coco", "--task", "detection").exit_code == 0
    assert (
        convert(folder / "second.json", folder / "third.jsonl", "--to", "jsonl", "--task", "detection").exit_code == 0
    )
    first, third = (
        [json.loads(row) for row in (folder / f"{name}.jsonl").read_text().splitlines()] for name in ("first", "third")
    )
    assert [row["image_url"] for row in third] == [f"{at}.png" for at in range(len(images))]
    for one, other in zip(first, third, strict=True):
        assert [item["label"] for item in one["label"]] == [item["label"] for item in other["label"]]
        assert [item["isCrowd"] for item in one["label"]] == [item["isCrowd"] for item in other["label"]]
        for corner in ("topX", "topY", "bottomX", "bottomY"):
            mine, theirs = ([item[corner] for item in row["label"]] for row in (one, other))
            assert np.allclose(mine, theirs, rtol=0, atol=1e-6)


RINGS = {
    "one": [[0.1, 0.1, 0.9, 0.1, 0.5, 0.9]],
    "apart": [[0.1, 0.1, 0.3, 0.1, 0.2, 0.3], [0.6, 0.6, 0.9, 0.6, 0.7, 0.9]],
    "hole": [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9], [0.3, 0.3, 0.6, 0.3, 0.6, 0.6, 0.3, 0.6]],
}


@pytest.mark.parametrize("rings", RINGS)
def test_masks_survive_the_way_to_coco_and_back(photo, jsonl, tmp_path, rings, masks_of_row):
    photo("a.jpg", size=(40, 30))
    first = jsonl(("a.jpg", [{"label": "nut", "polygon": RINGS[rings]}]))
    assert convert(first, tmp_path / "b.json", "--to", "coco").exit_code == 0
    assert convert(tmp_path / "b.json", tmp_path / "c.jsonl", "--to", "jsonl").exit_code == 0
    masks = [
        masks_of_row(examine(tmp_path / name, SEGMENTATION).table, 0) for name in ("data.jsonl", "b.json", "c.jsonl")
    ]
    assert np.array_equal(masks[0], masks[1])
    assert np.array_equal(masks[1], masks[2])
    (annotation,) = json.loads((tmp_path / "b.json").read_text())["annotations"]
    assert isinstance(annotation["segmentation"], dict) == (rings == "hole")
    assert annotation["area"] == masks[0].sum()


def test_coco_comes_back_number_by_number(photo, tmp_path):
    photo("a.jpg", size=(640, 480))
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [473.07, 95.13, 38.65, 0.7],
        "area": 12.34,
        "iscrowd": 1,
    }
    annotation["segmentation"] = [[473.07, 95.13, 500.1, 95.2, 480.33, 95.83]]
    image = {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}
    content = {"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "nut"}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert convert(tmp_path / "a.json", tmp_path / "b.json", "--to", "coco").exit_code == 0
    again = json.loads((tmp_path / "b.json").read_text())
    assert again["images"] == [image]
    assert again["annotations"][0]["segmentation"] == annotation["segmentation"]
    assert again["annotations"][0]["area"] == annotation["area"]
    assert np.allclose(again["annotations"][0]["bbox"], annotation["bbox"], rtol=0, atol=1e-4)


BOX = {"label": "nut", "topX": 0.1, "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5}


def test_a_folder_gets_a_file_a_split_and_what_is_bad_is_counted(photo, jsonl, tmp_path):
    for seed, name in enumerate("ab"):
        photo(f"data/{name}.jpg", seed)
    jsonl(("a.jpg", [BOX, BOX | {"topX": 0.7}]), name="data/train.jsonl")
    jsonl(("b.jpg", [BOX]), ("gone.jpg", [BOX]), name="data/val.jsonl")
    result = convert(tmp_path / "data", tmp_path / "data" / "coco", "--to", "coco")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{tmp_path}/data/coco/train.json: 1 images, 1 objects, 1 classes",
        f"{tmp_path}/data/coco/validation.json: 1 images, 1 objects, 1 classes",
        f"left out: 1 images and 1 objects; their faults: vistry doctor {tmp_path}/data --task {DETECTION}",
    ]
    table = examine(tmp_path / "data" / "coco", DETECTION).table
    assert table.images == [str(tmp_path / f"data/{name}.jpg") for name in "ab"]
    assert table.split.tolist() == [0, 1]
    result = convert(tmp_path / "data", tmp_path / "one.json", "--to", "coco")
    assert result.exit_code == 2
    assert "the data has train and validation images; name a folder" in result.output
    result = convert(tmp_path / "data", tmp_path / "data" / "coco", "--to", "coco")
    assert "train.json already exists; name another file, or remove it" in result.output


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (
            "coco",
            "the format 'coco' has labels of image_object_detection, image_instance_segmentation, and {data} those of "
            "image_classification",
        ),
        (
            "csv_boxes",
            "the format 'csv_boxes' has labels of image_object_detection, and {data} those of image_classification",
        ),
    ],
)
def test_labels_that_a_format_cannot_be_written_with(class_folders, tmp_path, to, reason):
    result = convert(class_folders, tmp_path / "out", "--to", to)
    assert (result.exit_code, result.stderr) == (2, f"error: {reason.format(data=class_folders)}\n")
    assert not (tmp_path / "out").exists()


NAMES = st.sampled_from(
    ["nut", "fig", "red fig", "red", "dried, ripe", "a|b", "['x']", 'q"uote', "datte é", "10", "1.0"]
)
LABELS = st.lists(st.lists(NAMES, max_size=3, unique=True), min_size=1, max_size=6)


def _labels_of(path, task):
    table = examine(path, task).table
    return [sorted(table.classes[label] for label in labels) for _, labels in table]


@settings(max_examples=12)
@given(LABELS, st.sampled_from(["image_classification", "image_classification_multilabel"]))
def test_labels_survive_the_way_to_csv_and_back(tmp_path_factory, labels, task):
    from PIL import Image

    folder = tmp_path_factory.mktemp("labels")
    single = task == "image_classification"
    rows = [names[:1] or ["nut"] for names in labels] if single else labels
    if not any(rows):
        return
    for at in range(len(rows)):
        Image.new("RGB", (8 + at, 8), (at, 0, 0)).save(folder / f"{at}.png")
    lines = [{"image_url": f"{at}.png", "label": names[0] if single else names} for at, names in enumerate(rows)]
    (folder / "first.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    assert convert(folder / "first.jsonl", folder / "second.csv", "--to", "csv", "--task", task).exit_code == 0
    assert convert(folder / "second.csv", folder / "third.jsonl", "--to", "jsonl", "--task", task).exit_code == 0
    assert (folder / "third.jsonl").read_text() == (folder / "first.jsonl").read_text()


@pytest.mark.parametrize("to", ["csv", "jsonl"])
def test_labels_of_splits_become_a_file_each(photo, put_rows, tmp_path, to):
    for at, split in enumerate(("train", "validation", "test")):
        photo(f"{split}/{at}.png", at)
    put_rows("image,labels,split\ntrain/0.png,nut|fig,train\nvalidation/1.png,nut,val\ntest/2.png,fig,test\n")
    result = convert(tmp_path / "data.csv", tmp_path / "out", "--to", to)
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        f"{split}.{to}" for split in ("test", "train", "validation")
    ]
    back = examine(tmp_path / "out", "image_classification_multilabel").table
    assert sorted(back.split.tolist()) == [0, 1, 2]
    assert back.classes == ("fig", "nut")


@pytest.fixture
def put_rows(tmp_path):
    return lambda text: (tmp_path / "data.csv").write_text(text)


@settings(max_examples=8)
@given(IMAGES)
def test_boxes_survive_the_way_to_csv_and_back(tmp_path_factory, images):
    from PIL import Image

    folder = tmp_path_factory.mktemp("boxes")
    for at in range(len(images)):
        Image.new("RGB", (311 + at, 207), (at, 0, 0)).save(folder / f"{at}.png")
    (folder / "first.jsonl").write_text("".join(line(folder, f"{at}.png", boxes) for at, boxes in enumerate(images)))
    task = ("--task", "detection")
    assert convert(folder / "first.jsonl", folder / "second.csv", "--to", "csv_boxes", *task).exit_code == 0
    if not any(images):
        return
    first, second = (examine(folder / name, DETECTION).table for name in ("first.jsonl", "second.csv"))
    assert list(second.images) == list(first.images)
    assert second.classes == first.classes
    assert second.labels.tolist() == first.labels.tolist()
    assert second.objects.boxes.tolist() == first.objects.boxes.tolist()
    assert second.objects.crowd.tolist() == first.objects.crowd.tolist()
