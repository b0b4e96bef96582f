"""Formats of a plugin: named, recognised, read, written, and named where their code fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.cli import words
from vistry.data.reading import detect, read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError, RegistryError
from vistry.registry.policy import DISABLE_VARIABLE

MULTICLASS = "image_classification"
HEAD = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "Formats for tests"\n'
READER = (
    '[readers.odd]\nsummary = "an .odd file"\ntasks = ["image_object_detection"]\nreader = "vistry_odd.code:{name}"\n'
)
CODE = """
from vistry.plugin.data import ObjectRecord, ObjectTableBuilder, Reading

class Reader:
    def fits(self, path):
        return path.suffix == ".odd"

    def guess_task(self, path):
        return "image_object_detection", "it says so"

    def read(self, path, task):
        builder = ObjectTableBuilder(path.parent.resolve(), "odd", task)
        file = builder.add_file(path)
        for line, text in enumerate(path.read_text().splitlines(), 1):
            image, name, *corners = text.split()
            row = builder.add_image(f"{builder.root}/{image}", file=file, line=line, size=(24, 20))
            builder.add_object(row, builder.class_id(name), ObjectRecord(tuple(map(float, corners)), line, line=line))
        return Reading(builder.build())

class Writer:
    SUFFIX = ".odd"

    def write(self, table, images):
        for row, image in enumerate(images):
            for at in range(table.label_starts[row], table.label_starts[row + 1]):
                box = " ".join(f"{side:g}" for side in table.objects.boxes[at])
                yield f"{image} {table.classes[table.labels[at]]} {box}\\n"

class Raising(Reader):
    def fits(self, path):
        raise KeyError("no such thing")

class Table(Reader):
    def read(self, path, task):
        return super().read(path, task).table

class Boxes(Reader):
    def guess_task(self, path):
        return "boxes", "it says so"

reader, writer, raising, table, boxes = Reader(), Writer(), Raising(), Table(), Boxes()
"""


@pytest.fixture
def listing(class_folders: Path, extras: Path) -> Path:
    """The images of `class_folders` in train.lst and validation.lst, one line of which is bad."""
    for split in ("train", "validation"):
        images = sorted(class_folders.glob("*/*.jpg"))[split == "validation" :: 2]
        lines = [f"{image.relative_to(class_folders)}\t{image.parent.name}\n" for image in images]
        (class_folders / f"{split}.lst").write_text("".join([*lines, "cat/00.jpg\n" if split == "train" else ""]))
    return class_folders


def test_a_format_is_recognised_and_read_with_its_splits(listing: Path) -> None:
    diagnosis = vistry.doctor(listing)
    assert (diagnosis.table.format, diagnosis.task) == ("listing", MULTICLASS)
    assert diagnosis.table.classes == ("cat", "dog")
    assert (len(diagnosis.table.rows_of("train")), len(diagnosis.table.rows_of("validation"))) == (12, 12)
    [bad] = [finding for finding in diagnosis.findings if finding.severity == "error"]
    assert (bad.file, bad.line) == (str(listing / "train.lst"), 13)


def test_it_can_be_named_and_is_in_the_help(listing: Path) -> None:
    assert read(listing, MULTICLASS, ReadingOptions("listing")).table.format == "listing"
    assert read(listing, MULTICLASS, ReadingOptions("folders")).table.format == "folders"
    assert words.formats().endswith("masks, mask_pictures, listing or folders")


def test_cores_formats_are_recognised_first(listing: Path) -> None:
    row = {"image_url": str(listing / "cat" / "01.jpg"), "label": "cat"}
    (listing / "data.jsonl").write_text(f"{json.dumps(row)}\n")
    assert detect(listing, MULTICLASS) == "jsonl"


def test_disabled_it_is_named_and_not_recognised(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    assert detect(listing, MULTICLASS) == "folders"
    with pytest.raises(DataError, match="no data format 'listing'; it is in the plugin 'extras', which is disabled"):
        read(listing, MULTICLASS, ReadingOptions("listing"))
    assert "listing" not in words.formats()


@pytest.fixture
def odd(lay_out: Callable[..., Path], photo: Any, tmp_path: Path) -> Callable[[str], Path]:
    """Lay out a plugin with one of the readers, and data for it; gives the data."""

    def lay(name: str) -> Path:
        folder = lay_out("odd", manifest=HEAD + READER.format(name=name) + 'writer = "vistry_odd.code:writer"\n')
        (folder / "code.py").write_text(CODE)
        for index in range(4):
            photo(f"data/{index}.jpg", index)
        path = tmp_path / "data" / "labels.odd"
        path.write_text("".join(f"{index}.jpg {'ab'[index % 2]} 2 3 12 13\n" for index in range(4)))
        return path

    return lay


def test_boxes_are_read_converted_and_written(odd: Callable[[str], Path], tmp_path: Path) -> None:
    data = odd("reader")
    conversion = vistry.convert(data, data.parent / "coco.json", to="coco")
    assert (conversion.files[0].images, conversion.files[0].objects) == (4, 4)
    written = json.loads((data.parent / "coco.json").read_text())
    assert written["annotations"][0]["bbox"] == [2, 3, 10, 10]
    vistry.convert(data.parent / "coco.json", data.parent / "again.odd", to="odd", task="detection")
    assert (data.parent / "again.odd").read_text() == data.read_text()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "raising",
            r"\[readers\.odd\] \(.*code\.py:31\) raised KeyError: 'no such thing'.*; type: vistry plugins check odd",
        ),
        ("table", r"\[readers\.odd\] failed: read must return a Reading, got Table"),
        ("boxes", r"\[readers\.odd\] failed: guess_task must return a task's full name and the reason, got 'boxes'"),
        ("absent", r"\[readers\.odd\] failed: vistry_odd\.code has no 'absent'"),
    ],
)
def test_a_fault_in_a_reader_is_named(name: str, message: str, odd: Callable[[str], Path]) -> None:
    with pytest.raises(RegistryError, match=rf"'odd' of vistry-odd .*{message}"):
        vistry.doctor(odd(name))


def test_a_reader_that_raises_hurts_no_other_format(odd: Callable[[str], Path], class_folders: Path) -> None:
    odd("raising")
    (class_folders / "data" / "labels.odd").unlink()
    assert detect(class_folders, MULTICLASS) == "folders"
