"""Pascal VOC's XML and its mask pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.doctor import examine
from vistry.data.reading import detect
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


OBJECT = (
    "<object><name>{name}</name>{more}<bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>{xmax}</xmax><ymax>8</ymax></bndbox>"
)
OBJECT += "</object>"


def voc(name="a.jpg", *objects, size="<size><width>40</width><height>20</height></size>"):
    return f"<annotation>\n<filename>{name}</filename>{size}\n" + "\n".join(objects) + "\n</annotation>"


def obj(name="nut", xmax="9", more=""):
    return OBJECT.format(name=name, xmax=xmax, more=more)


@pytest.mark.parametrize("base", ["", "VOC2012/"])
def test_voc(photo, put, tmp_path, base, boxes):
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
def test_voc_beside_the_images_without_a_size(photo, put, tmp_path, size, messages):
    photo("a.png", size=(40, 20))
    put("a.xml", "\ufeff" + voc("a.tif", obj(), size=size))
    diagnosis = examine(tmp_path, DETECTION)
    assert (diagnosis.table.objects.width[0], diagnosis.table.objects.height[0]) == (40, 20)
    assert messages(diagnosis, "image-substituted") == [
        "the image that 1 XML file(s) name isn't there, such as a.xml, where <filename> is 'a.tif'; the one of the "
        "file's own name is used"
    ]


def test_voc_in_utf_16_says_so_itself(photo, put, tmp_path, boxes):
    photo("a.png", size=(40, 20))
    put("a.xml", ('<?xml version="1.0" encoding="utf-16"?>' + voc("a.png", obj("noix"))).encode("utf-16"))
    assert boxes(examine(tmp_path, DETECTION).table)[0][0] == "noix"


def test_voc_faults_have_file_and_line(photo, put, tmp_path, boxes):
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


def test_voc_masks(photo, put, tmp_path, masks_of_row, messages):
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
