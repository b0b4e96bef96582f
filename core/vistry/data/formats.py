"""The table of data formats: what each is, which tasks it has labels for, and who reads and writes it."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.data.findings import Finding, FindingError
from vistry.data.readers import coco, csv, custom_vision, folders, jsonl, masks, voc, yolo
from vistry.data.readers.labels import DETECTION, MULTICLASS, MULTILABEL, SEGMENTATION
from vistry.data.readers.reader import Reader
from vistry.data.writers import coco as coco_writer
from vistry.data.writers import jsonl as jsonl_writer
from vistry.data.writers.writer import Writer
from vistry.errors import DataError, suggestion

WHOLE_IMAGES = (MULTICLASS, MULTILABEL)
OBJECTS = (DETECTION, SEGMENTATION)


@dataclass(frozen=True)
class DataFormat:
    """A format: a description that completes "this is not ...", the tasks it is made for, its reader and its writer."""

    summary: str
    tasks: tuple[str, ...]
    reader: Reader
    writer: Writer | None = None


# Detection tries them in this order, so a format whose files may look like another's comes after that one.
FORMATS = {
    "jsonl": DataFormat(
        "JSON Lines with image_url and label, in one file or train*.jsonl and validation*.jsonl",
        (*WHOLE_IMAGES, *OBJECTS),
        jsonl,
        jsonl_writer,
    ),
    "coco": DataFormat(
        "COCO's JSON with images, annotations and categories, in one file or a file a split",
        OBJECTS,
        coco,
        coco_writer,
    ),
    "custom_vision": DataFormat("Custom Vision's tagged-images.json", (DETECTION,), custom_vision),
    "voc": DataFormat("Pascal VOC's XML files in Annotations/ or beside the images", OBJECTS, voc),
    "yolo": DataFormat("YOLO's text files in labels/ beside images/, with or without data.yaml", OBJECTS, yolo),
    "csv": DataFormat(
        "a CSV file with a column of images and labels in one column or one column a class", WHOLE_IMAGES, csv
    ),
    "masks": DataFormat("a folder an image, with images/ and a picture for each object in masks/", OBJECTS, masks),
    "folders": DataFormat(
        "a folder of images for each class, directly or below train/, validation/ and test/", (MULTICLASS,), folders
    ),
}


def format_named(name: str) -> DataFormat:
    """The format of this name. Raises FindingError with a suggestion for an unknown one."""
    if name not in FORMATS:
        reason = f"there is no data format '{name}'"
        raise FindingError(Finding.of("format-unknown", reason).advising(suggestion(name, list(FORMATS))))
    return FORMATS[name]


def writer_named(name: str) -> Writer:
    """The writer of a format. Raises DataError with a suggestion for a format that isn't written."""
    writers = {format_name: entry.writer for format_name, entry in FORMATS.items() if entry.writer is not None}
    if name not in writers:
        raise DataError(f"there is no data format '{name}' that can be written; {suggestion(name, list(writers))}")
    return writers[name]


def by_preference(task: str | None) -> list[str]:
    """The names of all formats, those first that have labels for the task, by its full name."""
    return sorted(FORMATS, key=lambda name: task is not None and task not in FORMATS[name].tasks)
