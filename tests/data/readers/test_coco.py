"""COCO's JSON: boxes and masks of each kind, and findings about what can't be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from vistry.data.doctor import examine
from vistry.data.readers.coco import judge
from vistry.data.reading import detect, guess_task
from vistry.data.source import DataSource, ReadingOptions
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


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
def test_coco(photo, put, tmp_path, order, folder, boxes):
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


def test_several_files_without_a_split_are_read_together(photo, put, tmp_path, boxes, messages):
    for seed, name in enumerate("ab"):
        photo(f"{name}.jpg", seed, size=(40, 20))
    put("a.json", json.dumps(COCO))
    put("b.json", json.dumps(COCO | {"images": [{"id": 5, "file_name": "b.jpg"}]}))
    more = {"id": 1, "image_id": 5, "category_id": 1, "bbox": [5, 5, 2, 2]}
    annotations = [COCO["annotations"][1], more]
    categories = [{"id": 1, "name": "date"}, {"id": 7, "name": "nut"}]
    put("c.json", json.dumps(COCO | {"annotations": annotations, "categories": categories}))
    diagnosis = examine(tmp_path, DETECTION)
    assert [Path(image).name for image in diagnosis.table.images] == ["a.jpg", "b.jpg"]
    assert boxes(diagnosis.table) == [("fig", [1, 2, 11.5, 6]), ("nut", [0, 0, 4, 4]), ("date", [5, 5, 7, 7])]
    assert messages(diagnosis, "image-merged") == [
        "1 image(s) are described by several files, whose objects are put together; 1 that they describe alike count "
        "once"
    ]
    # The line of an object of another file than the image's would lead into the wrong file.
    assert diagnosis.table.objects.lines.tolist() == [1, 1, 0, 1, 1]


def test_files_of_two_splits_that_name_one_image_contradict_each_other(photo, put, tmp_path, messages):
    photo("a.jpg", size=(40, 20))
    for split in ("train", "val"):
        put(f"{split}.json", json.dumps(COCO))
    assert messages(examine(tmp_path, DETECTION), "split-leak")


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
def test_a_bad_annotation_costs_itself(photo, put, change, message, boxes, messages):
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


def test_coco_masks_of_every_kind_are_the_same(photo, put, masks_of_row, boxes):
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


def test_a_bad_polygon_costs_itself_and_not_its_object(photo, put, messages):
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
def test_a_bad_mask(photo, put, mask, message, messages):
    photo("a.jpg", size=(40, 20))
    annotation = COCO["annotations"][1] | {"segmentation": mask}
    diagnosis = examine(put("a.json", json.dumps(COCO | {"annotations": [annotation]})), SEGMENTATION)
    assert [text for text in messages(diagnosis) if message in text]
    assert len(diagnosis.table) == 0


def test_images_whose_path_is_refused_take_their_objects_along(photo, put, messages):
    photo("a.jpg", size=(40, 20))
    images = [{"id": 5, "file_name": "ftp://host/b.jpg"}, {"id": 6, "file_name": "a.jpg"}]
    diagnosis = examine(put("a.json", json.dumps(COCO | {"images": images})), DETECTION)
    assert len(diagnosis.table) == 1
    assert messages(diagnosis, "object-orphan") == [
        "annotation 9: its image is not listed, or its path is refused",
        "annotation 8: its image is not listed, or its path is refused",
    ]


def test_images_outside_the_data_folder_are_read_and_said(photo, put, tmp_path, messages):
    photo("elsewhere/a.jpg", size=(40, 20))
    path = put("data/labels/a.json", json.dumps(COCO | {"images": [{"id": 5, "file_name": "../../elsewhere/a.jpg"}]}))
    diagnosis = examine(path, DETECTION)
    assert diagnosis.table.images == [str(tmp_path / "elsewhere/a.jpg")]
    assert messages(diagnosis, "path-outside") == [
        f"1 image(s) lie outside the data folder, the first of them in {tmp_path / 'elsewhere'}"
    ]


def coco_of(*names, first=1, **changes):
    """A file of these images, each with one object whose box begins at the image's number."""
    images = [{"id": at, "file_name": name} for at, name in enumerate(names, first)]
    annotations = [
        {"id": at, "image_id": at, "category_id": 1, "bbox": [at, 2, 4, 4]} for at in range(first, first + len(names))
    ]
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "nut"}]} | changes
    )


LAYOUTS = {
    "fiftyone": ("data/{name}", "labels.json", "{name}"),
    "pics": ("pics/{name}", "annotations.json", "{name}"),
    "split folders": ("{split}/{name}", "{split}/_annotations.coco.json", "{name}"),
    "split files": ("images/{split}2017/{name}", "annotations/instances_{split}2017.json", "{name}"),
    "split files beside": ("{split}_images/{name}", "{split}_coco.json", "{name}"),
    "paths of before": ("img/{split}/{name}", "labels/{split}.json", "/content/data/{split}/{name}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fault_28_files_and_folders_of_any_names(photo, put, tmp_path, layout, boxes):
    """Each split has an image of the same name, which is another picture."""
    image, file, reference = LAYOUTS[layout]
    splits = ("train", "val") if "{split}" in image else ("train",)
    for seed, split in enumerate(splits):
        names = ["a.jpg", "b.jpg"]
        for at, name in enumerate(names):
            photo(image.format(split=split, name=name), 2 * seed + at, size=(40, 20))
        references = [reference.format(split=split, name=name) for name in names]
        put(file.format(split=split), coco_of(*references, first=1 + 2 * seed))
    put("package.json", "{}")
    table = examine(tmp_path, DETECTION).table
    expected = [tmp_path / image.format(split=split, name=name) for split in splits for name in ("a.jpg", "b.jpg")]
    assert sorted(table.images) == sorted(map(str, expected))
    for row, path in enumerate(table.images):
        assert boxes(table, row)[0][1][0] == 1 + expected.index(Path(path))
    assert table.split.tolist() == ([0, 0, 1, 1] if len(splits) == 2 else [-1, -1])


def test_fault_28_images_in_a_folder_that_is_named(photo, put, tmp_path):
    photo("elsewhere/x/a.jpg", size=(40, 20))
    path = put("data/labels.json", coco_of("old/a.jpg"))
    photo("data/cover.png", 3)
    diagnosis = examine(path, DETECTION, ReadingOptions.of(images=tmp_path / "elsewhere"))
    assert diagnosis.table.images == [str(tmp_path / "elsewhere/x/a.jpg")]


CATEGORIES = {
    "by supercategory": ([("bolt", "steel"), ("bolt", "brass")], {"bolt (steel)": 1, "bolt (brass)": 1}, True),
    "alike": ([("bolt", ""), ("bolt", "")], {"bolt": 2}, True),
    "of one supercategory": ([("bolt", "part"), ("bolt", "part")], {"bolt": 2}, True),
    "one without objects": ([("bolt", "none"), ("bolt", "bolt"), ("bolt", "nut")], {"bolt (bolt)": 1}, False),
}


@pytest.mark.parametrize("kind", CATEGORIES)
def test_fault_09_categories_of_one_name(photo, put, kind, messages):
    photo("a.jpg", size=(40, 20))
    listed, counts, is_said = CATEGORIES[kind]
    categories = [{"id": at, "name": name, "supercategory": above} for at, (name, above) in enumerate(listed)]
    used = (1,) if kind == "one without objects" else (0, 1)
    annotations = [{"id": at, "image_id": 1, "category_id": at, "bbox": [at, at, 4, 4]} for at in used]
    diagnosis = examine(put("a.json", coco_of("a.jpg", annotations=annotations, categories=categories)), DETECTION)
    if kind == "one without objects":
        counts = {"bolt": 1}  # an export names the group of all classes first, by the name of one
    table = diagnosis.table
    assert dict(zip(table.classes, table.object_counts().tolist(), strict=True)) == counts
    assert bool(messages(diagnosis, "class-same-name")) == is_said


def test_fault_09_a_name_told_apart_in_one_file_is_told_apart_in_the_other(photo, put, tmp_path):
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        photo(name, seed, size=(40, 20))
    two = [{"id": 1, "name": "bolt", "supercategory": "steel"}, {"id": 2, "name": "bolt", "supercategory": "brass"}]
    annotations = [{"id": at, "image_id": 1, "category_id": at, "bbox": [at, at, 4, 4]} for at in (1, 2)]
    put("train.json", coco_of("a.jpg", annotations=annotations, categories=two))
    put("val.json", coco_of("b.jpg", categories=two[:1]))
    table = examine(tmp_path, DETECTION).table
    assert dict(zip(table.classes, table.object_counts().tolist(), strict=True)) == {
        "bolt (brass)": 1,
        "bolt (steel)": 2,
    }


POLYGONS = {
    "flat": [10, 3, 30, 3, 30, 9, 10, 9],
    "in a list": [[10, 3, 30, 3, 30, 9, 10, 9]],
    "points": [[10, 3], [30, 3], [30, 9], [10, 9]],
    "points in a list": [[[10, 3], [30, 3], [30, 9], [10, 9]]],
    "in two lists": [[[10, 3, 30, 3, 30, 9, 10, 9]]],
}


@pytest.mark.parametrize("kind", POLYGONS)
def test_fault_23_flat_and_nested_polygons(photo, put, kind, masks_of_row):
    photo("a.jpg", size=(40, 20))
    annotations = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 3, 20, 6], "segmentation": POLYGONS[kind]}]
    diagnosis = examine(put("a.json", coco_of("a.jpg", annotations=annotations)), SEGMENTATION)
    square = np.zeros((20, 40), dtype=bool)
    square[3:9, 10:30] = True
    assert np.array_equal(masks_of_row(diagnosis.table, 0)[0], square)
    assert diagnosis.quarantined == ()


OTHERS = {
    "panoptic": (
        {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1}]}]},
        "panoptic",
    ),
    "captions": ({"annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}, "captions and no objects"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_files_of_coco_without_objects_are_refused_by_name(photo, put, tmp_path, kind):
    photo("images/a.jpg")
    change, message = OTHERS[kind]
    put("some.json", coco_of("a.jpg", **change))
    with pytest.raises(DataError, match=f"some.json.*{message}|{message}.*some.json"):
        examine(tmp_path, DETECTION)
    put("instances.json", coco_of("a.jpg"))
    diagnosis = examine(tmp_path, DETECTION)
    assert len(diagnosis.table.labels) == 1
    assert any("some.json" in finding.message for finding in diagnosis.findings if finding.check == "format-chosen")


def test_key_points_are_said_and_their_boxes_read(photo, put, boxes, messages):
    photo("a.jpg", size=(40, 20))
    points = {"keypoints": [1, 1, 2], "num_keypoints": 1}
    annotations = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 4, 4]} | points]
    diagnosis = examine(put("person_keypoints.json", coco_of("a.jpg", annotations=annotations)), DETECTION)
    assert boxes(diagnosis.table) == [("nut", [1, 2, 5, 6])]
    assert messages(diagnosis, "object-form")


def test_lvis_names_images_by_their_address(photo, put, tmp_path):
    photo("train2017/1.jpg", 1)
    photo("val2017/1.jpg", 2)
    images = [{"id": 1, "coco_url": "http://images.cocodataset.org/val2017/1.jpg"}]
    assert examine(put("lvis.json", coco_of("x", images=images)), DETECTION).table.images == [
        str(tmp_path / "val2017/1.jpg")
    ]


def test_a_list_of_documents(photo, put, tmp_path):
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        photo(name, seed)
    documents = [json.loads(coco_of(name)) for name in ("a.jpg", "b.jpg")]
    assert len(examine(put("a.json", json.dumps(documents)), DETECTION).table) == 2


def test_a_large_file_is_judged_by_samples(photo, put, tmp_path, monkeypatch):
    names = [f"{at:05d}.jpg" for at in range(3000)]
    photo(f"images/{names[0]}")
    for name in names[1:]:
        (tmp_path / "images" / name).touch()
    path = put("a.json", coco_of(*names))
    monkeypatch.setattr("vistry.data.readers.coco_files.WHOLE", 1000)
    monkeypatch.setattr("vistry.data.readers.coco_files.ENDS", 4096)
    evidence = judge(DataSource(tmp_path))
    assert (evidence.named, evidence.present) == (200, 200)
    assert path.stat().st_size > 100_000
