from __future__ import annotations

import json

import numpy as np
import pytest
from vistry.data.reading import detect, guess_task, read

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
RECT = {"name": "rect", "x": 1, "y": 2, "width": 10, "height": 8}
POLYGON = {"name": "polygon", "all_points_x": [1, 5, 5], "all_points_y": [1, 1, 6]}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


@pytest.fixture
def via(photo, tmp_path):
    """Write a file with the regions of pictures and return the data folder."""

    def write(*images, project=False, attributes=()):
        entries = {}
        for number, regions in enumerate(images):
            photo(f"train/{number}.jpg")
            own = attributes[number] if attributes else {}
            entry = {"filename": f"{number}.jpg", "size": 9, "regions": regions, "file_attributes": own}
            entries[f"{number}.jpg9"] = entry
        content = {"_via_settings": {}, "_via_img_metadata": entries} if project else entries
        (tmp_path / "train/via_region_data.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.mark.parametrize("project", [False, True])
def test_regions(via, project):
    circle = {"name": "circle", "cx": 10, "cy": 10, "r": 4}
    folder = via([region(RECT, kind="cat"), region(POLYGON, kind="dog"), region(circle, kind="dog")], project=project)
    assert (detect(folder), guess_task(folder)[0]) == ("via", SEGMENTATION)
    table = read(folder, DETECTION).table
    assert [table.classes[label] for label in table.labels] == ["cat", "dog", "dog"]
    np.testing.assert_allclose(table.objects.boxes, [(1, 2, 11, 10), (1, 1, 5, 6), (6, 6, 14, 14)], atol=0.05)
    assert table.split.tolist() == [0]


def test_the_first_version_numbers_regions(via):
    assert (
        len(read(via({"0": region(RECT, class_="cat"), "1": region(POLYGON, class_="cat")}), DETECTION).table.labels)
        == 2
    )


def test_a_known_attribute_names_the_class(via):
    regions = [
        region(RECT, colour="red", label="cat"),
        region(POLYGON, colour="blue", label={"dog": True, "cat": False}),
    ]
    table = read(via(regions), DETECTION).table
    assert table.classes == ("cat", "dog")


def test_regions_without_attributes_are_of_one_class(via):
    assert read(via([region(RECT)]), DETECTION).table.classes == ("object",)


def test_attributes_of_files_are_labels_of_whole_images(via):
    folder = via([], [], attributes=({"class": "cat"}, {"class": {"cat": True, "dog": True, "fox": False}}))
    assert guess_task(folder)[0] == MULTILABEL
    table = read(folder, MULTILABEL).table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["cat"], ["cat", "dog"]]


def test_a_region_without_an_area_or_a_class_is_a_finding(via):
    regions = [region({"name": "point", "cx": 1, "cy": 1}, kind="a"), region(RECT, kind=""), region(RECT, kind="a")]
    reading = read(via(regions), DETECTION)
    assert len(reading.table.labels) == 1
    messages = [finding.message for finding in reading.findings if finding.check == "object-invalid"]
    assert messages == ["a point is a shape without an area", "the region's 'kind' names 0 classes, one is needed"]
