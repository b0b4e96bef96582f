"""The check of a format of data: what its reader takes, and that it reads what its writer writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from vistry.data.formats import DataFormat
from vistry.data.source import DataSource
from vistry.data.table import Table
from vistry.data.writers.writer import Writer
from vistry.errors import DataError
from vistry.registry.part_code import load_code
from vistry.registry.part_specs import ReaderSpec
from vistry.registry.parts import Part
from vistry.testing.check import require
from vistry.testing.samples import eight_rows

SIDE = 32


def check_format(part: Part[ReaderSpec]) -> None:
    """Raise CheckFailed for a reader or a writer that lacks a function, takes other data, or doesn't fit the other."""
    name, entry = f"[readers.{part.name}]", DataFormat(part)
    judging = hasattr(load_code(part, part.spec.reader), "judge")
    _check_functions(part, part.spec.reader, ("judge" if judging else "fits", "read", "guess_task"))
    with TemporaryDirectory() as folder:
        # A general format is asked where no other fits, and may take anything.
        if not part.spec.fallback:
            _check_takes_no_other(name, entry, Path(folder))
    if part.spec.writer:
        _check_functions(part, part.spec.writer, ("SUFFIX", "write"))
        _check_written(name, entry)


def _check_functions(part: Part[ReaderSpec], reference: str, functions: Sequence[str]) -> None:
    code, noun = load_code(part, reference), "writer" if "write" in functions else "reader"
    missing = next((function for function in functions if not hasattr(code, function)), "")
    require(not missing, f"[readers.{part.name}]: {reference} has no '{missing}', which every {noun} has")


def _check_takes_no_other(name: str, entry: DataFormat, folder: Path) -> None:
    empty, images = folder / "empty", folder / "images"
    (images / "cat").mkdir(parents=True)
    empty.mkdir()
    (images / "cat" / "1.jpg").touch()
    for place in (empty, images):
        what = "a folder of images for each class" if place is images else "an empty folder"
        require(
            entry.reader.judge(DataSource(place)) is None,
            f"{name}: its reader takes {what}; let it look at names and a few bytes of its files",
        )


def _check_written(name: str, entry: DataFormat) -> None:
    """Write eight images with the labels of each task, and read them. A writer may refuse some tasks, but not all."""
    refusals = []
    for task in entry.tasks:
        try:
            _check_read_back(name, entry, task)
        except _RefusedError as refusal:
            refusals.append(str(refusal))
    require(len(refusals) < len(entry.tasks), f"{name}: its writer writes none of its tasks: {'; '.join(refusals)}")


def _check_read_back(name: str, entry: DataFormat, task: str) -> None:
    """Raise CheckFailed where labels that were written aren't those that are read, _RefusedError where none are."""
    writer, reader = entry.writer, entry.reader
    assert writer is not None
    rows = eight_rows(task, SIDE)
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for image in rows.images:
            Image.new("RGB", (SIDE, SIDE)).save(root / image)
        written = replace(rows, root=root, images=[str(root / image) for image in rows.images])
        file = root / f"labels{writer.SUFFIX}"
        file.write_text(_text(writer, written, rows.images), encoding="utf-8")
        for place in (file, root):
            what = "the file" if place is file else "a folder with the file"
            require(
                reader.judge(DataSource(place)) is not None,
                f"{name}: its reader doesn't take {what} that its writer wrote for {task}",
            )
        guess, _ = reader.guess_task(DataSource(file))
        require(guess in entry.tasks, f"{name}: it guesses {guess} for what its writer wrote, which isn't in its tasks")
        reading = reader.read(DataSource(file), task)
        refused = next((finding for finding in reading.findings if finding.severity == "error"), None)
        require(refused is None, f"{name}: its reader refuses what its writer wrote for {task}: {refused}")
        # In any order: a reader may go by class.
        differing = sorted(set(_labelled(written)) ^ set(_labelled(reading.table)))
        require(
            not differing,
            f"{name}: written for {task} and read back, the labels of {differing[0][0] if differing else ''} differ; "
            "paths are relative to the folder of the file",
        )


class _RefusedError(Exception):
    """The writer has no place for labels of this task."""


def _text(writer: Writer, table: Table, images: Sequence[str]) -> str:
    try:
        return "".join(writer.write(table, images))
    except DataError as error:
        raise _RefusedError(str(error)) from error


def _labelled(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each image with the names of its labels."""
    for image, labels in table:
        yield image, tuple(sorted(table.classes[label] for label in labels))
