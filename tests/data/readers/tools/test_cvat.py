from __future__ import annotations

import numpy as np
import pytest
from vistry.data.reading import detect, guess_task, read
from vistry.errors import DataError

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
HEAD = '<?xml version="1.0"?>\n<annotations>\n<version>1.1</version>\n<meta></meta>\n'


@pytest.fixture
def cvat(photo, tmp_path):
    """Write a file with elements for images 0.jpg, 1.jpg, ... and return the data folder."""

    def write(*elements, subset=""):
        text = HEAD
        for number, inside in enumerate(elements):
            photo(f"pictures/{number}.jpg")
            size = 'width="32" height="24"'
            text += f'<image id="{number}" name="{number}.jpg" {subset}{size}>\n{inside}\n</image>\n'
        (tmp_path / "annotations.xml").write_text(text + "</annotations>\n")
        return tmp_path

    return write


def test_fault_16_boxes_polygons_and_ellipses(cvat):
    folder = cvat(
        '<box label="cat" xtl="1.5" ytl="2" xbr="11.5" ybr="12" z_order="0"></box>\n'
        '<polygon label="dog" points="2.0,2.0;8.0,2.0;8.0,9.0"></polygon>\n'
        '<ellipse label="dog" cx="10" cy="10" rx="4" ry="3"></ellipse>',
        "",
    )
    assert (detect(folder), guess_task(folder)[0]) == ("cvat", SEGMENTATION)
    table = read(folder, DETECTION).table
    assert [table.classes[label] for label in table.labels] == ["cat", "dog", "dog"]
    np.testing.assert_allclose(table.objects.boxes[:2], [(1.5, 2, 11.5, 12), (2, 2, 8, 9)])
    np.testing.assert_allclose(table.objects.boxes[2], (6, 7, 14, 13), atol=0.05)
    assert len(table) == 2


def test_a_mask_is_runs_along_the_rows_of_its_box(cvat, masks_of_row):
    # In a box of 3 x 2 at (4, 5): row 0 is 0 1 1, row 1 is 1 0 0.
    folder = cvat('<mask label="cat" rle="1, 3, 2" left="4" top="5" width="3" height="2" z_order="0"></mask>')
    table = read(folder, SEGMENTATION).table
    (mask,) = masks_of_row(table, 0)
    assert sorted(map(tuple, np.argwhere(mask).tolist())) == [(5, 5), (5, 6), (6, 4)]
    assert mask.shape == (24, 32)


def test_tags_are_labels_of_whole_images(cvat):
    folder = cvat('<tag label="cat"></tag>', '<tag label="dog"></tag><tag label="cat"></tag>', "")
    assert guess_task(folder)[0] == MULTILABEL
    table = read(folder, MULTILABEL).table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["cat"], ["dog", "cat"], []]
    reading = read(cvat('<tag label="cat"></tag>', '<tag label="dog"></tag>'), MULTICLASS)
    assert reading.table.classes == ("cat", "dog")


def test_subsets_are_splits(cvat):
    table = read(
        cvat('<tag label="a"></tag>', '<tag label="b"></tag>', subset='subset="Validation" '), MULTICLASS
    ).table
    assert table.split.tolist() == [1, 1]


FAULTS = {
    '<points label="cat" points="1,2"></points>': ("object-invalid", "<points> is a shape without an area"),
    '<box label="cat" xtl="x" ytl="2" xbr="3" ybr="4"></box>': ("box-invalid", "not four finite numbers"),
    '<box label="" xtl="1" ytl="2" xbr="3" ybr="4"></box>': ("label-empty", "the label is empty"),
    '<polygon label="cat" points="1,2;3"></polygon>': ("polygon-invalid", "odd number"),
    '<mask label="cat" rle="1, 3" left="4" top="5" width="3" height="2"></mask>': ("mask-invalid", "4 pixels of 3 x 2"),
}


@pytest.mark.parametrize("element", FAULTS)
def test_a_bad_object_costs_that_object(cvat, element):
    check, message = FAULTS[element]
    good = '<box label="dog" xtl="1" ytl="2" xbr="3" ybr="4"></box>'
    reading = read(cvat(f"{element}\n{good}"), DETECTION)
    assert len(reading.table.labels) == 1
    (finding,) = [finding for finding in reading.findings if finding.check == check]
    assert message in finding.message
    assert finding.line


def test_tracks_of_videos_are_named(tmp_path, photo):
    photo("1.jpg")
    (tmp_path / "annotations.xml").write_text(f'{HEAD}<track id="0" label="cat"></track></annotations>')
    with pytest.raises(DataError, match="export 'CVAT for images 1.1'"):
        read(tmp_path, DETECTION)
