"""The check of a format of data: what its reader takes, and that it reads what its writer writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from vistry.data.formats import DataFormat
from vistry.data.readers.guarded import GuardedWriter
from vistry.data.source import DataSource
from vistry.data.table import Table
from vistry.errors import DataError
from vistry.registry.part_code import load_code
from vistry.registry.part_specs import ReaderSpec
from vistry.registry.parts import Part
from vistry.registry.tasks import DETECTION, task_named
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
        writes_folder = hasattr(load_code(part, part.spec.writer), "write_files")
        _check_functions(part, part.spec.writer, ("write_files",) if writes_folder else ("SUFFIX", "write"))
        _check_written(name, entry)


def _check_functions(part: Part[ReaderSpec], reference: str, functions: Sequence[str]) -> None:
    code, noun = load_code(part, reference), "reader" if "read" in functions else "writer"
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
    if task == DETECTION and rows.objects is not None:
        rows = replace(rows, objects=replace(rows.objects, shapes=None))
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for image in rows.images:
            Image.new("RGB", (SIDE, SIDE)).save(root / image)
        written = replace(rows, root=root, images=[str(root / image) for image in rows.images])
        places = _write(writer, written, rows.images, task=task)
        for place in places:
            what = "the file" if place != root else "a folder with the file"
            require(
                reader.judge(DataSource(place)) is not None,
                f"{name}: its reader doesn't take {what} that its writer wrote for {task}",
            )
        guess, _ = reader.guess_task(DataSource(places[0]))
        require(guess in entry.tasks, f"{name}: it guesses {guess} for what its writer wrote, which isn't in its tasks")
        reading = reader.read(DataSource(places[0]), task)
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


def _pieces(writer: GuardedWriter, table: Table, images: Sequence[str], *, task: str) -> Iterator[str]:
    if table.objects is not None:
        return writer.write(table, images)
    return writer.write_labels(table, images, several=not task_named(task).has_one_label)


def _write(writer: GuardedWriter, table: Table, images: Sequence[str], *, task: str) -> list[Path]:
    """Write a table into its folder, and return what can be read: the file where there is one, and the folder."""
    try:
        if writer.writes_folder:
            files = [(table.root / name, "".join(pieces)) for name, pieces in writer.write_files(table, images)]
        else:
            files = [(table.root / f"labels{writer.SUFFIX}", "".join(_pieces(writer, table, images, task=task)))]
    except DataError as error:
        raise _RefusedError(str(error)) from error
    for file, text in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [table.root] if writer.writes_folder else [files[0][0], table.root]


def _labelled(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each image with the names of its labels."""
    for image, labels in table:
        yield image, tuple(sorted(table.classes[label] for label in labels))
