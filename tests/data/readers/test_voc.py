"""Pascal VOC's XML and its mask pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.doctor import examine
from vistry.data.readers.voc import judge
from vistry.data.reading import detect
from vistry.data.source import DataSource, ReadingOptions
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
        f"{Path(fault.where).name} {fault.message}" for fault in diagnosis.quarantined if fault.check != "objects-lost"
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


LAYOUTS = {
    "beside": ("{name}.jpg", "{name}.xml"),
    "annotations": ("images/{name}.jpg", "annotations/{name}.xml"),
    "annots": ("pics/{name}.jpg", "annots/{name}.xml"),
    "xmls": ("images/{name}.jpg", "annotations/xmls/{name}.xml"),
    "labels": ("images/{name}.jpg", "labels/{name}.xml"),
    "split above": ("{split}/images/{name}.jpg", "{split}/annotations/{name}.xml"),
    "split below": ("images/{split}/{name}.jpg", "annotations/{split}/{name}.xml"),
    "split of images alone": ("images/{split}/{name}.jpg", "xml/{name}.xml"),
    "split beside": ("{split}_set/{name}.jpg", "{split}_set/{name}.xml"),
    "deep": ("a/b/Dataset/{split}/JPEGImages/{name}.jpg", "a/b/Dataset/{split}/Annotations/{name}.xml"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fault_28_folders_of_any_names(photo, put, tmp_path, layout, boxes):
    image, annotation = LAYOUTS[layout]
    for at, name in enumerate(("a", "b", "train_1", "test.v2")):
        split = "train" if at < 2 else "valid"
        photo(image.format(name=name, split=split), at, size=(40, 20))
        put(annotation.format(name=name, split=split), voc(f"{name}.jpg", obj(xmax=str(5 + at))))
    put("notes.xml", "<notes/>")
    put("README.txt", "0 1 2 3 4")
    assert detect(tmp_path) == "voc"
    table = examine(tmp_path, DETECTION).table
    found = {Path(image).stem: boxes(table, row)[0][1][2] for row, image in enumerate(table.images)}
    assert found == {"a": 5, "b": 6, "train_1": 7, "test.v2": 8}
    splits = {Path(image).stem: int(table.split[row]) for row, image in enumerate(table.images)}
    expected = (0, 0, 1, 1) if "{split}" in image else (-1, -1, -1, -1)
    assert splits == dict(zip(("a", "b", "train_1", "test.v2"), expected, strict=True))


def test_fault_28_devkits_of_two_years_side_by_side(photo, put, tmp_path, boxes):
    for seed, (year, split) in enumerate((("VOC2007", "train"), ("VOC2012", "val"))):
        base = f"VOCdevkit/{year}"
        photo(f"{base}/JPEGImages/000001.jpg", seed, size=(40, 20))
        photo(f"{base}/SegmentationObject/000001.png", 9, size=(40, 20))
        put(f"{base}/Annotations/000001.xml", voc("000001.jpg", obj(xmax=str(5 + seed))))
        put(f"{base}/ImageSets/Main/{split}.txt", "000001\n")
        put(f"{base}/ImageSets/Main/cat_{split}.txt", "000001  1\n")
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    assert [Path(image).parts[-3] for image in table.images] == ["VOC2007", "VOC2012"]
    assert ([boxes(table, row)[0][1][2] for row in (0, 1)], table.split.tolist()) == ([5, 6], [0, 1])
    assert "image-unreferenced" not in {finding.check for finding in diagnosis.findings}


def test_fault_28_images_in_a_folder_that_is_named(photo, put, tmp_path):
    photo("elsewhere/a.jpg", size=(40, 20))
    put("data/xml/a.xml", voc("a.jpg", obj()))
    put("data/xml/b.xml", voc("b.jpg", obj()))
    photo("data/cover.png", 3)
    diagnosis = examine(tmp_path / "data", DETECTION, ReadingOptions.of(images=tmp_path / "elsewhere"))
    assert diagnosis.table.images == [str(tmp_path / "elsewhere/a.jpg")]
    assert {finding.check: finding.count for finding in diagnosis.findings if finding.check.endswith("referenced")} == {
        "image-unreferenced": 1
    }


def test_fault_03_a_stale_filename_loses_against_the_files_own_name(photo, put, tmp_path, boxes, messages):
    for at in range(4):
        photo(f"img_{at}.jpg", at, size=(40, 20))
        put(f"img_{at}.xml", voc(f"img_{at + 1}.jpg", obj(xmax=str(5 + at))))
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    found = {Path(image).stem: boxes(table, row)[0][1][2] for row, image in enumerate(table.images)}
    assert found == {"img_0": 5, "img_1": 6, "img_2": 7, "img_3": 8}
    assert messages(diagnosis, "filename-stale") == [
        "3 XML file(s) name another image than their own name does, such as img_0.xml, where <filename> is "
        "'img_1.jpg'; both are there, and the one of the file's own name is used"
    ]
    assert len(messages(diagnosis, "image-substituted")) == 1


def test_fault_03_a_file_that_lost_its_image_does_not_take_its_neighbours(photo, put, tmp_path, boxes, messages):
    photo("a.jpg", size=(40, 20))
    put("a.xml", voc("a.jpg", obj(xmax="5")))
    put("b.xml", voc("a.jpg", obj(xmax="6")))
    diagnosis = examine(tmp_path, DETECTION)
    assert boxes(diagnosis.table) == [("nut", [1, 2.5, 5, 8])]
    assert messages(diagnosis, "annotation-orphan") == [
        "1 XML file(s) without an image, such as b.xml, which needs 'a.jpg'"
    ]


def test_a_lost_image_is_not_that_of_another_folder(photo, put, tmp_path, messages):
    for folder in "xy":
        for name in "123":
            put(f"{folder}/{name}.xml", voc(f"{name}.jpg", obj()))
            if (folder, name) != ("x", "3"):
                photo(f"{folder}/{name}.jpg", ord(folder) + int(name), size=(40, 20))
    diagnosis = examine(tmp_path, DETECTION)
    assert [str(Path(image).relative_to(tmp_path)) for image in diagnosis.table.images] == [
        *("x/1.jpg", "x/2.jpg", "y/1.jpg", "y/2.jpg", "y/3.jpg")
    ]
    assert len(messages(diagnosis, "annotation-orphan", "image-missing")) == 1


def test_fault_28_what_has_no_partner_is_counted(photo, put, tmp_path, messages):
    for at, name in enumerate("abcd"):
        photo(f"images/{name}.jpg", at, size=(40, 20))
    for name in "abef":
        put(f"xml/{name}.xml", voc(f"{name}.jpg", obj()))
    findings = {finding.check: finding.count for finding in examine(tmp_path, DETECTION).findings}
    assert (findings["annotation-orphan"], findings["image-unreferenced"]) == (2, 2)


@pytest.mark.parametrize("root", ["annotations", "dataset", "html"])
def test_xml_of_another_kind_is_not_pascal_voc(photo, put, tmp_path, root):
    photo("a.jpg")
    put("a.xml", f"<?xml version='1.0'?>\n<!-- <annotation> --><{root}><image name='a.jpg'/></{root}>")
    assert judge(DataSource(tmp_path)) is None
