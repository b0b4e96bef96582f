"""What can be done with a data set before a training: check it, and write its labels in another format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.data.conversion import outputs
from vistry.data.doctor import Diagnosis, examine
from vistry.data.source import Folders, ReadingOptions
from vistry.data.task_choice import task_of
from vistry.errors import DataError
from vistry.runs.files import write_text
from vistry.runs.label_files import WrittenFile, write_labels

if TYPE_CHECKING:
    from vistry.report.suspects import Suspects


@dataclass(frozen=True)
class Conversion:
    """The files that were written, and the diagnosis of the data, whose quarantined rows are in none of them."""

    files: tuple[WrittenFile, ...]
    diagnosis: Diagnosis


def doctor(
    data: str | Path,
    *,
    task: str | None = None,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
    full: bool = False,
) -> Diagnosis:
    """Check a data set and name every fault in it.

    Args:
        data: a file or folder of labelled images.
        task: a task's name or alias; by default the one that the labels suggest.
        format: the data's format; by default it is recognised.
        images: folders in which the images that the data names are looked for, too.
        columns: which columns of a table are "image", "label" and so on, by role.
        classes_at: which level of nested folders names the classes, from 1.
        full: decode every image, not only those that look cut off.

    Raises DataError where the data can't be read at all.
    """
    reading = ReadingOptions.of(format, images, columns, classes_at=classes_at)
    name, _ = task_of(data, task, reading)
    return examine(data, name, reading, pixels="full" if full else "header")


def data_report(diagnosis: Diagnosis, path: str | Path, *, folds: str | Path | None = None) -> Path:
    """Draw a data set as one self-contained page: counts, sizes, pictures with their boxes, and those of findings.

    Args:
        diagnosis: what `doctor` returned.
        path: the HTML file to write, over one that is there.
        folds: the folder of a cross-validation of this data, whose labels that are probably wrong are shown, too.

    Returns the path. Raises RunError where it can't be written, or there are no such folds.
    """
    from vistry.report.data_page import data_page

    suspects = None if folds is None else suspect_labels(diagnosis, folds)
    write_text(Path(path), data_page(diagnosis, suspects))
    return Path(path)


def suspect_labels(diagnosis: Diagnosis, folds: str | Path) -> Suspects:
    """Return the labels of a data set that the models of a cross-validation take for wrong, the most suspect first.

    What was mended since isn't among them. Raises RunError where the folder has none, DataError for another task.
    """
    from vistry.report.suspects import Suspects
    from vistry.runs.label_issues import read_label_issues

    labels = read_label_issues(Path(folds))
    if labels.task != diagnosis.task:
        raise DataError(f"{folds} is of {labels.task}, and {diagnosis.path} was read for {diagnosis.task}; add --task")
    return Suspects.in_table(labels, diagnosis.table)


def convert(
    data: str | Path,
    out: str | Path,
    *,
    to: str,
    task: str | None = None,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
) -> Conversion:
    """Write the labels of a data set in another format. The images stay where they are.

    Args:
        data: a file or folder of labelled images.
        out: a file, or a folder that gets a file for each split; for "voc", "yolo" and "labelme" a folder.
        to: the format to write, such as "coco", "jsonl", "voc" or "yolo", or a plugin's.
        task: a task's name or alias; by default the one that the labels suggest.
        format: the format of `data`; by default it is recognised.
        images: folders in which the images that the data names are looked for, too.
        columns: which columns of a table are "image", "label" and so on, by role.
        classes_at: which level of nested folders names the classes, from 1.

    Raises DataError where the data can't be read or converted, or a file exists already.
    """
    reading = ReadingOptions.of(format, images, columns, classes_at=classes_at)
    name, _ = task_of(data, task, reading)
    diagnosis = examine(data, name, reading)
    files = write_labels(outputs(diagnosis.table, Path(out), to, task=name))
    return Conversion(files, diagnosis)
