"""What each format of boxes and masks becomes, and what each says about what it can't use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.doctor import examine
from vistry.data.reading import detect, guess_task
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


@pytest.fixture
def put(tmp_path):
    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def boxes(table, row=0):
    first, last = table.label_starts[row], table.label_starts[row + 1]
    names = [table.classes[label] for label in table.labels[first:last]]
    return list(zip(names, table.objects.boxes[first:last].tolist(), strict=True))


def messages(diagnosis, *checks):
    return [fault.message for fault in diagnosis.findings if not checks or fault.check in checks]


COCO = {
    "images": [{"id": 5, "file_name": "a.jpg", "width": 40, "height": 20}],
    "annotations": [
        {"id": 9, "image_id": 5, "category_id": 90, "bbox": [1, 2, 10.5, 4], "area": 30.5, "iscrowd": 1},
        {"id": 8, "image_id": 5, "category_id": 7, "bbox": [0, 0, 4, 4]},
    ],
    "categories": [{"id": 7, "name": "nut"}, {"id": 90, "name": "fig"}],
}


@pytest.mark.parametrize("order", [list(COCO), list(reversed(COCO))])
@pytest.mark.parametrize("folder", ["", "images/", "data/"])
def test_coco(photo, put, tmp_path, order, folder):
    photo(f"{folder}a.jpg", size=(40, 20))
    put("data.json", json.dumps({key: COCO[key] for key in order}))
    assert (detect(tmp_path), guess_task(tmp_path)) == ("coco", (DETECTION, "annotations with boxes"))
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    assert boxes(table) == [("fig", [1, 2, 11.5, 6]), ("nut", [0, 0, 4, 4])]
    assert table.objects.crowd.tolist() == [True, False]
    assert table.objects.annotation_ids.tolist() == [9, 8]
    assert table.objects.areas[0] == np.float32(30.5)
    assert np.isnan(table.objects.areas[1])
    assert table.images == [str(tmp_path / folder / "a.jpg")]


def test_coco_in_a_file_a_split(photo, put, tmp_path):
    for split, seed in (("train2017", 1), ("val2017", 2)):
        photo(f"{split}/a.jpg", seed, size=(40, 20))
        put(f"annotations/instances_{split}.json", json.dumps(COCO))
    put("annotations/captions_train2017.json", json.dumps(COCO))
    table = examine(tmp_path, DETECTION).table
    assert table.split.tolist() == [0, 1]
    assert [Path(image).parent.name for image in table.images] == ["train2017", "val2017"]


def test_coco_in_folders_named_for_splits(photo, put, tmp_path):
    for seed, split in enumerate(("train", "valid", "test")):
        photo(f"{split}/a.jpg", seed, size=(40, 20))
        put(f"{split}/_annotations.coco.json", json.dumps(COCO))
    assert examine(tmp_path, DETECTION).table.split.tolist() == [2, 0, 1]


def test_several_coco_files_without_a_split(put, tmp_path):
    for name in "ab":
        put(f"{name}.json", json.dumps(COCO))
    with pytest.raises(DataError, match=r"2 COCO files \(a.json, b.json\), not all of them named train"):
        examine(tmp_path, DETECTION)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": None}, "annotation 1: the box None is not four finite numbers"),
        ({"bbox": [1, 2, 3]}, "annotation 1: the box [1, 2, 3] is not four finite numbers, x, y, width, height"),
        ({"bbox": [1, 2, float("inf"), 3]}, "annotation 1: the box [1, 2, inf, 3] is not four finite numbers"),
        ({"bbox": [1, 2, 10**400, 3]}, "annotation 1: the box [1, 2, 1000"),
        ({"bbox": [5, 5, -3, 2]}, "a.jpg, annotation 1: the corners (5, 5, 2, 7) are swapped"),
        ({"bbox": [0.1, 0.2, 0.3, 0.4]}, "a.jpg, annotation 1: the coordinates (0.1, 0.2, 0.4, 0.6) lie within"),
        ({"bbox": [50, 5, 3, 2]}, "a.jpg, annotation 1: the box (50, 5, 53, 7) is outside the image of 40 x 20"),
        ({"image_id": None}, "annotation 1: the image id is None, not a number or text"),
        ({"image_id": [1]}, "annotation 1: the image id is [1], not a number or text"),
        ({"image_id": 3}, "annotation 1: its image is not listed, or its path is refused"),
        ({"category_id": 3}, "annotation 1: its category is not declared"),
    ],
)
def test_a_bad_annotation_costs_itself(photo, put, change, message):
    photo("a.jpg", size=(40, 20))
    good = {"id": 2, "image_id": "1", "category_id": 1.0, "bbox": [1, 2, 3, 4]}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{**good, "id": 1, **change}, good],
        "categories": [{"id": "1", "name": "nut"}],
    }
    diagnosis = examine(put("a.json", json.dumps(content)), DETECTION)
    assert boxes(diagnosis.table) == [("nut", [1, 2, 4, 6])]
    assert [text[: len(message)] for text in messages(diagnosis)][:1] == [message]


def test_coco_masks_of_every_kind_are_the_same(photo, put, masks_of_row):
    from pycocotools import mask as peer

    photo("a.jpg", size=(40, 20))
    square = np.zeros((20, 40), dtype=np.uint8, order="F")
    square[3:9, 10:30] = 1
    text = peer.encode(square)["counts"].decode()
    changes = np.flatnonzero(np.diff(square.reshape(-1, order="F"), prepend=0, append=1 - square[-1, -1]))
    kinds = (
        [[10, 3, 30, 3, 30, 9, 10, 9]],
        {"size": [20, 40], "counts": text},
        {"size": [20, 40], "counts": np.diff(changes, prepend=0).tolist()},
    )
    annotations = [{"id": at, "image_id": 5, "category_id": 7, "segmentation": kind} for at, kind in enumerate(kinds)]
    path = put("a.json", json.dumps(COCO | {"annotations": annotations}))
    assert guess_task(path)[0] == SEGMENTATION
    table = examine(path, SEGMENTATION).table
    assert boxes(table) == [("nut", [10, 3, 30, 9])] * 2
    assert np.array_equal(masks_of_row(table, 0), np.stack([square, square]).astype(bool))


def test_a_bad_polygon_costs_itself_and_not_its_object(photo, put):
    photo("a.jpg", size=(40, 20))
    polygons = [[1, 1, 9, 1, 9, 9], [1, 1, 9, 1], [1, 1, 2, "x", 3, 3], [1, 2, 3, 4, 5, float("nan")], 7]
    annotation = COCO["annotations"][1] | {"segmentation": polygons}
    diagnosis = examine(put("a.json", json.dumps(COCO | {"annotations": [annotation]})), SEGMENTATION)
    assert len(diagnosis.table.objects.shapes.rings_of(0)) == 1
    assert messages(diagnosis, "polygon-short", "polygon-invalid") == [
        "annotation 8: the polygon has 2 point(s), at least 3 are needed",
        "annotation 8: the polygon [1, 1, 2, 'x', 3, 3] is not a list of numbers",
        "annotation 8: the polygon [1, 2, 3, 4, 5, nan] has a number that is not finite",
        "annotation 8: the polygon 7 is not a list of numbers",
    ]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"size": [20], "counts": [800]}, "the mask's size is [20], not [height, width]"),
        ({"size": [20, 40], "counts": [80]}, "the run lengths cover 80 pixels, but the mask has 20 x 40 = 800"),
        ({"size": [20, 40], "counts": [-80, 880]}, "the run lengths can't be read: expected a list of numbers"),
        ({"size": [20, 40], "counts": "~"}, "the run lengths can't be read: invalid character"),
        ({"size": [20, 40], "counts": None}, "the run lengths can't be read: "),
        ("polygon", "the segmentation is 'polygon', not polygons or run lengths"),
        ({"size": [40, 20], "counts": [1, 1, 798]}, "the mask has 20 x 40, the image 40 x 20"),
        ({"size": [20, 40], "counts": [800, 0]}, "no pixel is inside the mask"),
        ([[50, 1, 60, 1, 60, 9]], "its polygons lie outside the image"),
    ],
)
def test_a_bad_mask(photo, put, mask, message):
    photo("a.jpg", size=(40, 20))
    annotation = COCO["annotations"][1] | {"segmentation": mask}
    diagnosis = examine(put("a.json", json.dumps(COCO | {"annotations": [annotation]})), SEGMENTATION)
    assert [text for text in messages(diagnosis) if message in text]
    assert len(diagnosis.table) == 0


def test_images_whose_path_is_refused_take_their_objects_along(put):
    images = [{"id": 5, "file_name": "../../secret.jpg"}]
    with pytest.raises(DataError, match="none of 3 rows could be read; the first: .*leads out of the data folder"):
        examine(put("a.json", json.dumps(COCO | {"images": images})), DETECTION)


OBJECT = (
    "<object><name>{name}</name>{more}<bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>{xmax}</xmax><ymax>8</ymax></bndbox>"
)
OBJECT += "</object>"


def voc(name="a.jpg", *objects, size="<size><width>40</width><height>20</height></size>"):
    return f"<annotation>\n<filename>{name}</filename>{size}\n" + "\n".join(objects) + "\n</annotation>"


def obj(name="nut", xmax="9", more=""):
    return OBJECT.format(name=name, xmax=xmax, more=more)


@pytest.mark.parametrize("base", ["", "VOC2012/"])
def test_voc(photo, put, tmp_path, base):
    for seed, name in enumerate("abc"):
        photo(f"{base}JPEGImages/{name}.jpg", seed, size=(40, 20))
        put(f"{base}Annotations/{name}.xml", voc(f"{name}.jpg", obj(), obj("fig", more="<difficult>1</difficult>")))
    put(f"{base}ImageSets/Main/train.txt", "a\nb\n")
    put(f"{base}ImageSets/Main/val.txt", "c\n")
    put(f"{base}ImageSets/Main/trainval.txt", "a\nb\nc\n")
    assert detect(tmp_path) == "voc"
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    assert boxes(table, 1) == [("nut", [1, 2.5, 9, 8]), ("fig", [1, 2.5, 9, 8])]
    assert table.objects.crowd.tolist() == [False, True] * 3
    assert table.split.tolist() == [0, 0, 1]
    assert table.location(2) == (str(tmp_path / base / "Annotations/c.xml"), 1)
    assert diagnosis.quarantined == ()


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_voc_beside_the_images_without_a_size(photo, put, tmp_path, size):
    photo("a.png", size=(40, 20))
    put("a.xml", "\ufeff" + voc("a.tif", obj(), size=size))
    diagnosis = examine(tmp_path, DETECTION)
    assert (diagnosis.table.objects.width[0], diagnosis.table.objects.height[0]) == (40, 20)
    assert messages(diagnosis, "image-substituted") == ["'a.tif' isn't there; a.png is used"]


def test_voc_in_utf_16_says_so_itself(photo, put, tmp_path):
    photo("a.png", size=(40, 20))
    put("a.xml", ('<?xml version="1.0" encoding="utf-16"?>' + voc("a.png", obj("noix"))).encode("utf-16"))
    assert boxes(examine(tmp_path, DETECTION).table)[0][0] == "noix"


def test_voc_faults_have_file_and_line(photo, put, tmp_path):
    photo("JPEGImages/a.jpg", size=(40, 20))
    bad = ("<object><bndbox/></object>", "<object><name>nut</name></object>", obj(xmax="nine"), obj(xmax="1"), obj())
    put("Annotations/a.xml", voc("a.jpg", *bad))
    put("Annotations/b.xml", voc("b.jpg", obj())[:-20])
    put("Annotations/c.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]>\n' + voc("&a;", obj()))
    put("Annotations/d.xml", "<a>" * 60)
    diagnosis = examine(tmp_path, DETECTION)
    assert [
        f"{Path(fault.where).name} {fault.message}" for fault in diagnosis.findings if fault.severity == "error"
    ] == [
        "a.xml:3 object 1: the object has no <name>",
        "a.xml:4 object 2: the object has no <bndbox>",
        "a.xml:5 object 3: the box ['1', '2.5', 'nine', '8'] is not four finite numbers, xmin, ymin, xmax, ymax",
        "b.xml:3 not XML: unclosed token: line 3, column 99",
        "c.xml:1 the file declares the entity 'a'",
        "d.xml:1 elements nested more than 50 deep",
        "a.xml:6 JPEGImages/a.jpg, object 4: the box (1, 2.5, 1, 8) has no area",
    ]
    assert boxes(diagnosis.table) == [("nut", [1, 2.5, 9, 8])]


def test_voc_masks(photo, put, tmp_path, masks_of_row):
    numbers = np.zeros((20, 40), dtype=np.uint8)
    numbers[2:8, 1:9] = 1
    numbers[0, 0] = 255
    for seed, name in enumerate("ab"):
        photo(f"JPEGImages/{name}.jpg", seed, size=(40, 20))
        put(f"Annotations/{name}.xml", voc(f"{name}.jpg", obj(), obj("fig")))
    picture = Image.frombytes("P", (40, 20), numbers.tobytes())
    picture.putpalette(list(range(256)) * 3)
    (tmp_path / "SegmentationObject").mkdir()
    picture.save(tmp_path / "SegmentationObject/a.png")
    diagnosis = examine(tmp_path, SEGMENTATION)
    assert np.array_equal(masks_of_row(diagnosis.table, 0), (numbers == 1)[None])
    assert messages(diagnosis, "mask-missing", "image-unlabelled") == [
        "object 2: no pixel of its picture in SegmentationObject/ has the value 2",
        "1 image(s) have no picture in SegmentationObject/ and are left out",
    ]
    picture.convert("RGB").save(tmp_path / "SegmentationObject/b.png")
    diagnosis = examine(tmp_path, SEGMENTATION)
    assert messages(diagnosis, "mask-invalid") == [
        "expected a palette image whose indices number the objects, got the mode RGB"
    ]


def test_voc_without_any_masks_says_what_it_lacks(photo, put, tmp_path):
    photo("JPEGImages/a.jpg", size=(40, 20))
    put("Annotations/a.xml", voc("a.jpg", obj()))
    with pytest.raises(DataError, match=r"no labelled image was found; 1 image\(s\) have no picture in Segmentation"):
        examine(tmp_path, SEGMENTATION)


YAML = "train: ../train/images\nval: valid/images\nnc: 2\nnames: [nut, fig]\n"


def test_yolo_as_roboflow_exports_it(photo, put, tmp_path):
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


def test_yolo_faults_have_file_and_line(photo, put, tmp_path):
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
        "a.txt:6 polygon-invalid",
        "a.txt:7 box-units",
        "a.txt:9 box-duplicate",
        "orphan.txt object-orphan",
    }
    assert boxes(diagnosis.table) == [("nut", [10, 5, 30, 15])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images\nnc: 2\nnames: [nut]", "nc is 2, but names lists 1: nut; correct one of the two"),
        ("train: images\nnames: nut", "'names' is 'nut', not a list of class names or names by number"),
        ("train: nowhere\nnames: [nut]", "'nowhere' of train is neither a folder nor a list of images below"),
        ("train: /etc\nnames: [nut]", "'/etc' of train is neither a folder nor a list of images below"),
        ("train: [\nnames: nut", "data.yaml:2: not YAML: "),
        ("- train\n- names", "the file names no classes"),
    ],
)
def test_a_yolo_description_that_cannot_be_used(photo, put, tmp_path, text, message):
    photo("images/a.jpg")
    put("data.yaml", text)
    with pytest.raises(DataError) as caught:
        examine(tmp_path, DETECTION)
    assert message in str(caught.value)


def test_custom_vision(photo, put, tmp_path):
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
    assert [(fault.check, fault.line) for fault in diagnosis.findings][:4] == [
        ("box-invalid", first),
        ("object-invalid", first),
        ("field-missing", second),
        ("image-missing", third),
    ]
    with pytest.raises(DataError, match="this format has boxes and no masks"):
        examine(tmp_path, SEGMENTATION)


def test_a_mask_a_file(photo, tmp_path, masks_of_row):
    photo("one/images/one.png", size=(40, 20))
    photo("two/images/two.png", 2, size=(40, 20))
    square = np.zeros((20, 40), dtype=np.uint8)
    square[3:9, 10:30] = 255
    for name, pixels in {"one/masks/a": square, "two/masks/nut/b": square, "two/masks/nut/c": square * 0}.items():
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (tmp_path / "two/masks/nut/d.png").write_bytes(b"no")
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("masks", SEGMENTATION)
    diagnosis = examine(tmp_path, SEGMENTATION)
    assert diagnosis.table.classes == ("nut", "object")
    assert boxes(diagnosis.table) == [("object", [10, 3, 30, 9])]
    assert np.array_equal(masks_of_row(diagnosis.table, 1)[0], square > 0)
    assert messages(diagnosis, "mask-empty") == ["all of the mask is black"]
    assert [Path(fault.file).name for fault in diagnosis.findings if fault.check == "mask-invalid"] == ["d.png"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"topX": 0.1}, "object 1: no 'label' among topX"),
        ({"label": "nut", "topX": 0.1}, "object 1: the box has no topY, bottomX, bottomY"),
        ({"label": None}, "object 1: the label is null, not text or an integer"),
        ({"label": "nut", "isCrowd": "maybe"}, "object 1: 'isCrowd' is 'maybe', not 0 or 1"),
        ({"label": "nut", "polygon": 3}, "object 1: the polygon 3 is not a list of lists of numbers"),
        ({"label": "nut", "polygon": [[0.1, 0.2]]}, "object 1: the polygon has 1 point(s), at least 3 are needed"),
    ],
)
def test_a_bad_object_of_a_line_costs_itself(jsonl, photo, item, message):
    photo("a.jpg", size=(40, 20))
    good = {"label": "nut", "topX": "0.25", "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5, "isCrowd": "false"}
    diagnosis = examine(jsonl(("a.jpg", [item, good])), DETECTION)
    assert boxes(diagnosis.table) == [("nut", [10, 2, 20, 10])]
    assert messages(diagnosis)[0] == message
    assert diagnosis.findings[0].line == 1


def test_an_inner_ring_of_a_line_is_a_hole(jsonl, photo, masks_of_row):
    photo("a.jpg", size=(40, 40))
    rings = [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9], [0.25, 0.25, 0.5, 0.25, 0.5, 0.5, 0.25, 0.5]]
    table = examine(jsonl(("a.jpg", [{"label": "nut", "polygon": rings}])), SEGMENTATION).table
    assert masks_of_row(table, 0).sum() == 32 * 32 - 10 * 10
    assert boxes(table) == [("nut", [4, 4, 36, 36])]
