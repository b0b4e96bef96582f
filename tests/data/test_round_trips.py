"""Labels written in each format and read back, from every other one."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import vistry
from PIL import Image
from vistry.data.formats import Formats
from vistry.data.masks.rle import object_mask
from vistry.data.reading import read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
FORMATS = Formats.of(None)
WRITTEN = FORMATS.written()
CLASSES = ("\u00c4pfel & <nuts>", "cat")


def written_for(task):
    return [name for name in WRITTEN if task in FORMATS.by_name[name].tasks]


@pytest.fixture
def pictures(tmp_path):
    """Six pictures of different sizes and bytes."""
    for number in range(6):
        values = np.full((40 + number, 50 + 3 * number, 3), 40 * number, dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{number} \u00e9.png")
    return tmp_path


def table_of(folder, task):
    """Labels of the pictures for a task, by way of JSON Lines: boxes at odd places, polygons, images without any."""
    from vistry.data.readers.labels import ClassNames
    from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder, Shape
    from vistry.data.readers.table_builder import TableBuilder

    images = sorted(folder.glob("*.png"))
    if task in (MULTICLASS, MULTILABEL):
        builder = TableBuilder(folder, "made")
        for row, image in enumerate(images):
            names = [CLASSES[row % 2]] if task == MULTICLASS else list(CLASSES[: row % 3])
            builder.add(str(image), [builder.class_id(name) for name in names])
        return builder.build()
    builder = ObjectTableBuilder(folder, "made", task)
    names = ClassNames(builder)
    for row, image in enumerate(images):
        with Image.open(image) as picture:
            size = picture.size
        at = builder.add_image(str(image), size=size)
        for number in range(row % 3):
            x, y = 3.3 + 11 * number, 1.7 + row
            ring = (x, y, x + 9.1, y, x + 9.1, y + 12.4, x, y + 12.4)
            (label,) = names.one(CLASSES[number % 2])
            box = (x, y, x + 9.1, y + 12.4)
            builder.add_object(at, label, ObjectRecord(box, number + 1, shape=Shape([ring])))
    return builder.build()


def content(table):
    """Each image's labels, with boxes and areas of masks where there are some, in any order."""
    found = {}
    for row, image in enumerate(table.images):
        entries = []
        for at in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
            entry = [table.classes[table.labels[at]]]
            if table.objects is not None:
                entry += np.round(table.objects.boxes[at].astype(float), 4).tolist()
                if table.objects.shapes is not None:
                    with Image.open(image) as picture:
                        entry.append(int(object_mask(table, at, *picture.size).sum()))
            entries.append(tuple(entry))
        found[Path(image).name] = sorted(entries)
    return found


def in_pixels(table):
    objects = table.objects
    return table if objects is None else replace(table, objects=objects.to_pixels(table.label_starts, *sizes(table)))


def sizes(table):
    pairs = []
    for image in table.images:
        with Image.open(image) as picture:
            pairs.append(picture.size)
    return np.asarray(pairs, dtype=np.int32).T


def write(table, out, format, task):
    from vistry.data.conversion import outputs

    for part in outputs(table, out, format, task=task):
        for path, pieces in part.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(pieces), encoding="utf-8")


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL, DETECTION, SEGMENTATION])
def test_what_is_written_is_read_back(pictures, task):
    truth = table_of(pictures, task)
    formats = written_for(task)
    assert formats
    for name in formats:
        try:
            write(truth, pictures / name, name, task)
        except DataError as error:
            assert "is written with boxes" in str(error)  # noqa: PT017 - a format may refuse some of its tasks
            continue
        reading = read(pictures / name, task, ReadingOptions(name, images=(pictures,)))
        expected = content(truth)
        if name in NO_NEGATIVES:
            expected = {image: labels for image, labels in expected.items() if labels}
        assert content(in_pixels(reading.table)) == expected, name


# Formats in which an image without labels has no entry.
NO_NEGATIVES: set[str] = set()


def through(folder, first, second, task):
    """Labels of the pictures for a task, what is left of them after two formats, and how many objects that are."""
    truth = table_of(folder, task)
    write(truth, folder / "one", first, task)
    files = vistry.convert(folder / "one", folder / "two", to=second, task=task, images=folder).files
    back = vistry.doctor(folder / "two", task=task, images=folder).table
    return labelled(truth), labelled(back), sum(file.objects for file in files)


def labelled(table):
    return {image: labels for image, labels in content(table).items() if labels}


def pairs(task):
    return list(product([name for name in written_for(task) if (task, name) != (SEGMENTATION, "voc")], repeat=2))


@pytest.mark.parametrize(("first", "second"), pairs(DETECTION))
def test_boxes_go_through_every_pair_of_formats(pictures, first, second):
    truth, back, objects = through(pictures, first, second, DETECTION)
    assert back == truth
    assert objects == sum(map(len, truth.values()))


@pytest.mark.parametrize(("first", "second"), pairs(SEGMENTATION))
def test_masks_go_through_every_pair_of_formats(pictures, first, second):
    truth, back, _ = through(pictures, first, second, SEGMENTATION)
    assert {image: [(label, pixels) for label, *_, pixels in labels] for image, labels in back.items()} == {
        image: [(label, pixels) for label, *_, pixels in labels] for image, labels in truth.items()
    }


@pytest.mark.parametrize("task", [MULTICLASS, MULTILABEL])
@pytest.mark.parametrize("first", written_for(MULTICLASS))
def test_labels_of_images_go_through_every_pair_of_formats(pictures, first, task):
    for second in written_for(task):
        folder = pictures / second
        folder.mkdir()
        for picture in pictures.glob("*.png"):
            (folder / picture.name).write_bytes(picture.read_bytes())
        truth, back, _ = through(folder, first, second, task)
        assert back == truth, second


@pytest.mark.parametrize("format", ["cvat", "label_studio", "labelme", "via", "yolo"])
def test_a_format_without_crowds_refuses_them(pictures, format):
    table = table_of(pictures, DETECTION)
    assert table.objects is not None
    crowds = replace(table.objects, crowd=np.ones(len(table.objects), dtype=bool))
    with pytest.raises(DataError, match=r"6 object\(s\) are crowds"):
        write(replace(table, objects=crowds), pictures / "out", format, DETECTION)
