from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.data.doctor import examine
from vistry.data.masks.rle import object_mask
from vistry.data.objects import no_shapes, objects_in_memory
from vistry.data.offsets import offsets_from_counts, segment_bounds, take_segments
from vistry.data.reading import read
from vistry.data.splits import split
from vistry.errors import DataError, RunError
from vistry.runs.rows import read_rows, write_rows

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"
TRIANGLE = [0.1, 0.1, 0.5, 0.1, 0.5, 0.5]


def box(label="nut", x1=0.25, y1=0.1, x2=0.5, y2=0.5, **more):
    return {"label": label, "topX": x1, "topY": y1, "bottomX": x2, "bottomY": y2, **more}


def test_boxes_become_pixels_of_the_image(jsonl, photo):
    photo("a.jpg", size=(40, 20))
    table = examine(jsonl(("a.jpg", [box(), box("fig", isCrowd="true")])), DETECTION).table
    assert table.objects.boxes.dtype == np.float32
    assert table.objects.boxes.tolist() == [[10, 2, 20, 10]] * 2
    assert table.objects.crowd.tolist() == [False, True]
    assert (table.objects.width.tolist(), table.objects.height.tolist()) == ([40], [20])
    assert [table.classes[label] for label in table.labels] == ["nut", "fig"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stated", [{}, {"width": 40, "height": 20}, {"width": 20, "height": 40}])
def test_boxes_refer_to_the_upright_image_whatever_size_is_stated(jsonl, photo, orientation, stated):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    photo("a.jpg", size=(40, 20), exif=exif)
    line = json.dumps({"image_url": "a.jpg", "image_details": stated, "label": [box()]})
    objects = examine(jsonl(line), DETECTION).table.objects
    upright = (20, 40) if orientation >= 5 else (40, 20)
    assert (objects.width[0], objects.height[0]) == upright
    assert objects.boxes.tolist() == [np.multiply([0.25, 0.1, 0.5, 0.5], upright * 2).tolist()]


def test_take_carries_objects_and_shapes_along(jsonl, photo, masks_of_row):
    for name in "abc":
        photo(f"{name}.jpg", ord(name), size=(40, 20))
    three = [{"label": "nut", "polygon": [TRIANGLE, [0.6, 0.6, 0.9, 0.6, 0.9, 0.9]]}] * 1
    one = [{"label": "fig", "polygon": [[0, 0, 1, 0, 1, 1]]}]
    table = examine(jsonl(("a.jpg", three), ("b.jpg", []), ("c.jpg", one + three)), SEGMENTATION).table
    taken = table.take([2, 0])
    assert taken.labels_of(0).tolist() == [0, 1]
    assert [len(taken.objects.shapes.rings_of(at)) for at in range(3)] == [1, 2, 2]
    assert taken.objects.shapes.rings_of(2)[0].tolist() == table.objects.shapes.rings_of(0)[0].tolist()
    assert np.array_equal(masks_of_row(taken, 1), masks_of_row(table, 0))
    assert masks_of_row(table, 1).shape == (0, 20, 40)
    assert taken.with_classes(("date", "fig", "nut")).labels.tolist() == [1, 2, 2]


def test_classes_are_counted_by_image_and_by_object(table_of):
    from dataclasses import replace

    table = table_of([[0, 0, 0, 1], [], [1, 1]])
    boxes = np.tile(np.arange(4), (6, 1))
    table = replace(table, objects=objects_in_memory([4, 0, 2], boxes, [9] * 3, [9] * 3))
    assert table.class_counts().tolist() == [1, 2]
    assert table.object_counts().tolist() == [3, 3]
    assert table.objects.annotation_ids.tolist() == [1, 2, 3, 4, 1, 2]
    starts, labels = table.class_sets()
    assert (starts.tolist(), labels.tolist()) == ([0, 2, 2, 3], [0, 1, 1])


def test_the_split_keeps_classes_on_both_sides_and_copies_together(table_of):
    from dataclasses import replace

    table = table_of([[0] * 50, [0]] + [[1]] * 4 + [[]] * 14)
    counts = np.diff(table.label_starts)
    table = replace(table, objects=objects_in_memory(counts, np.zeros((55, 4)), [9] * 20, [9] * 20))
    groups = np.arange(20)
    groups[[2, 3]] = 2
    training, validation = split(table, DETECTION, 0.2, 3, groups)
    assert sorted([*training, *validation]) == list(range(20))
    for side in (training, validation):
        assert np.all(table.take(side).class_counts() > 0)
        assert (2 in side) == (3 in side)


def test_a_mask_needs_a_table_with_masks(jsonl, photo):
    photo("a.jpg")
    table = examine(jsonl(("a.jpg", [box()])), DETECTION).table
    with pytest.raises(DataError, match="was read without masks; read it for segmentation"):
        object_mask(table, 0, 9, 9)


def test_no_shapes_are_missing():
    assert no_shapes(3).missing().all()
    assert no_shapes(3).bounds().shape == (3, 4)


def test_ragged_lists():
    starts, values = offsets_from_counts([2, 0, 1]), np.array([7, 9, 8])
    least, greatest = segment_bounds(starts, values)
    assert least.tolist() == [7, np.inf, 8]
    assert greatest.tolist() == [9, -np.inf, 8]
    taken = take_segments(starts, values, np.array([2, 1, 0, 0]))
    assert [part.tolist() for part in taken] == [[0, 1, 1, 3, 5], [8, 7, 9, 7, 9]]


CORNERS = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4, unique=True).map(sorted)


@settings(max_examples=25)
@given(st.lists(CORNERS, min_size=1, max_size=4), st.integers(1, 5000), st.integers(1, 5000))
def test_a_runs_rows_come_back_bit_for_bit(tmp_path_factory, corners, width, height):
    folder = tmp_path_factory.mktemp("run")
    table = read_into(folder, corners, width, height)
    write_rows(folder / "rows.jsonl", table, SEGMENTATION)
    again = read_rows(folder / "rows.jsonl", table.classes, SEGMENTATION)
    for name in ("boxes", "crowd", "areas", "width", "height"):
        assert np.array_equal(getattr(again.objects, name), getattr(table.objects, name), equal_nan=name == "areas")
    assert again.labels.tolist() == table.labels.tolist()
    for one, other in zip(shapes_of(again), shapes_of(table), strict=True):
        assert one == other


def shapes_of(table):
    shapes = table.objects.shapes
    return [
        ([ring.tolist() for ring in shapes.rings_of(at)], shapes.runs_of(at).tolist(), int(shapes.run_heights[at]))
        for at in range(len(shapes))
    ]


def read_into(folder, corners, width, height):
    labels = [
        box(x1=x1, y1=y1, x2=x2, y2=y2, polygon=[[x1, y1, x2, y1, x2, y2]], area=x1 * 9.5) for x1, y1, x2, y2 in corners
    ]
    labels[0] = labels[0] | {"rle": {"size": [height, width], "counts": [0, width * height]}}
    details = {"width": width, "height": height}
    line = json.dumps({"image_url": "/data/a.jpg", "image_details": details, "label": labels})
    (folder / "a.jsonl").write_text(line)
    from dataclasses import replace

    table = read(folder / "a.jsonl", SEGMENTATION).table
    objects = table.objects
    return replace(table, objects=objects.to_pixels(table.label_starts, objects.width, objects.height))


def test_a_runs_damaged_rows_are_refused(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"image_url": "/a.jpg", "label": [{"label": "nut"}]}))
    with pytest.raises(RunError, match=r"list of images .*rows.jsonl can't be read: .* object 1: the box has no topX"):
        read_rows(tmp_path / "rows.jsonl", ("nut",), DETECTION)


def test_an_image_all_of_whose_objects_are_bad_is_set_aside(jsonl, photo):
    for name in "ab":
        photo(f"{name}.jpg", ord(name))
    diagnosis = examine(jsonl(("a.jpg", [box(x1=0.9), box(x1="?")]), ("b.jpg", [])), DETECTION)
    assert [image[-5:] for image in diagnosis.table.images] == ["b.jpg"]
    lost = [fault for fault in diagnosis.findings if fault.check == "objects-lost"]
    assert [(fault.line, fault.message) for fault in lost] == [(1, "a.jpg: none of its 2 object(s) can be used")]


def test_a_box_out_of_the_image_is_clipped_and_a_rounding_error_is_silent(jsonl, photo):
    photo("a.jpg", size=(40, 20))
    diagnosis = examine(jsonl(("a.jpg", [box(x2=1.2), box(y1=0.2, x2=1.001)])), DETECTION)
    assert diagnosis.table.objects.boxes[:, 2].tolist() == [40, 40]
    assert [fault.check for fault in diagnosis.findings if fault.check.startswith("box")] == ["box-clipped"]


def test_one_line_for_each_box_is_not_a_repeated_image(jsonl, photo):
    photo("a.jpg")
    diagnosis = examine(jsonl(("a.jpg", [box()]), ("a.jpg", [box(x2=0.7)]), ("a.jpg", [box()])), DETECTION)
    checks = [fault.check for fault in diagnosis.findings]
    assert checks.count("image-repeated") == 1
    assert checks.count("label-conflict") == 1
    assert len(diagnosis.table) == 2
