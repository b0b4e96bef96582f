"""Reading a data set of any known format into a table: the format is named or detected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

from vistry.data.findings import DataSetError, Finding, finding
from vistry.data.table import Table
from vistry.errors import suggestion

FORMATS = {
    "jsonl": "JSON Lines with image_url and label, in one file or train*.jsonl and validation*.jsonl",
    "coco": "COCO's JSON with images, annotations and categories, in one file or a file a split",
    "custom_vision": "Custom Vision's tagged-images.json",
    "voc": "Pascal VOC's XML files in Annotations/ or beside the images",
    "yolo": "YOLO's text files in labels/ beside images/, with or without data.yaml",
    "csv": "a CSV file with a column of images and labels in one column or one column a class",
    "masks": "a folder an image, with images/ and a picture for each object in masks/",
    "folders": "a folder of images for each class, directly or below train/, validation/ and test/",
}
FOR_ALL_TASKS = ("jsonl",)
FOR_CLASSES = ("csv", "folders")
CLASSIFICATION = ("image_classification", "image_classification_multilabel")


@dataclass(frozen=True)
class Reading:
    """What a reader found: the rows it could parse, and what was wrong with the others."""

    table: Table
    findings: tuple[Finding, ...] = ()


class Reader(Protocol):
    """A module of `vistry.data.readers`."""

    def fits(self, path: Path) -> bool:
        """Whether the data at this path looks like the reader's format."""

    def read(self, path: Path, task: str) -> Reading:
        """The rows with labels for this task."""

    def guess_task(self, path: Path) -> tuple[str, str]:
        """The full name of the task that the labels suggest, and the reason."""


def read(path: Path | str, task: str, format: str | None = None) -> Reading:
    """Read the data set at a path for a task, by its full name. Raises DataError where nothing can be read."""
    path = Path(path)
    with _named_where_unreadable(path):
        reading = reader_for(path, format, task).read(path, task)
    if len(reading.table) == 0:
        raise DataSetError(_nothing_left(path, reading))
    return reading


def guess_task(path: Path | str, format: str | None = None) -> tuple[str, str]:
    """The full name of the task that the labels suggest, and the reason. Raises DataError like `read`."""
    path = Path(path)
    with _named_where_unreadable(path):
        return reader_for(path, format).guess_task(path)


@contextmanager
def _named_where_unreadable(path: Path) -> Iterator[None]:
    """Turn the system's refusal to read a file or folder into a finding that names it."""
    try:
        yield
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise DataSetError(finding("data-missing", message, error.filename or path)) from error


def reader_for(path: Path, format: str | None = None, task: str | None = None) -> Reader:
    """The reader of the named format, or of the one that fits. Raises DataError where there is none."""
    if not path.exists():
        raise DataSetError(finding("data-missing", "there is no such file or folder", path))
    if format is None:
        return _reader(detect(path, task))
    reader = _reader(_known(format))
    if path.is_dir() and not reader.fits(path):
        message = f"this is not {FORMATS[format]}; found {_contents(path)}"
        raise DataSetError(finding("format-unknown", message, path))
    return reader


def detect(path: Path, task: str | None = None) -> str:
    """The first format that fits, those first that have labels for the task.

    Raises DataError that lists what was found and the formats.
    """
    for name in sorted(FORMATS, key=lambda name: not _serves(name, task)):
        if _reader(name).fits(path):
            return name
    known = "; ".join(f"{name}: {summary}" for name, summary in FORMATS.items())
    message = f"no known format fits; found {_contents(path)}. Formats: {known}"
    raise DataSetError(finding("format-unknown", message, path))


def _serves(format: str, task: str | None) -> bool:
    """Whether a format can have labels for the task; every one can where none is named."""
    return task is None or format in FOR_ALL_TASKS or (format in FOR_CLASSES) == (task in CLASSIFICATION)


def _reader(name: str) -> Reader:
    return cast(Reader, import_module(f"vistry.data.readers.{name}"))


def _known(format: str) -> str:
    if format not in FORMATS:
        message = f"there is no data format '{format}'"
        raise DataSetError(finding("format-unknown", message, remedy=suggestion(format, list(FORMATS))))
    return format


def _nothing_left(path: Path, reading: Reading) -> Finding:
    errors = [fault for fault in reading.findings if fault.severity == "error"]
    if not errors:
        remarks = [remark.message for remark in reading.findings if remark.severity == "warning"]
        why = "".join(f"; {remark}" for remark in remarks[:1])
        return finding("data-empty", f"the data set is empty: no labelled image was found{why}", path)
    message = f"none of {len(errors)} rows could be read; the first: {errors[0].where}: {errors[0].message}"
    return finding("data-empty", message, path, remedy=errors[0].remedy)


def _contents(path: Path) -> str:
    """What a person would say is there: '3 .json, 23 .jpg, 2 folders'."""
    if path.is_file():
        return f"a {path.suffix or 'suffixless'} file of {path.stat().st_size} bytes"
    counts = Counter(_kind(entry) for entry in islice(_visible(path), 10_000))
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]
    return ", ".join(f"{count} {kind}" for kind, count in commonest) or "an empty folder"


def _visible(path: Path) -> Iterator[Path]:
    return (entry for entry in path.iterdir() if not entry.name.startswith("."))


def _kind(entry: Path) -> str:
    return "folder(s)" if entry.is_dir() else f"{entry.suffix.lower() or 'suffixless'} file(s)"
