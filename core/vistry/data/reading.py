"""Read a data set of any known format into a table: the format is named or recognised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.formats import Formats
from vistry.data.object_labels import labels_of_objects
from vistry.data.readers.reader import Reading
from vistry.data.recognition import Recognised, recognise
from vistry.data.source import DataSource, ReadingOptions
from vistry.registry.tasks import DETECTION, OBJECT_TASKS


def read(path: Path | str, task: str, options: ReadingOptions | None = None) -> Reading:
    """Read the data set at a path for a task, by its full name. Raises DataError where nothing can be read."""
    source, formats = _source(path, options), Formats.read()
    with _name_unreadable_paths(source.path):
        recognised = recognise(source, task, formats)
        reading = _read(recognised, source, formats, task=task)
        findings = (*recognised.findings, *reading.findings, *_unreferenced(source, reading))
    if len(reading.table) == 0:
        raise FindingError(_empty_data(source.path, reading))
    return Reading(reading.table, findings)


def guess_task(path: Path | str, options: ReadingOptions | None = None) -> tuple[str, str]:
    """The full name of the task that the labels suggest, and the reason. Raises DataError like `read`."""
    source = _source(path, options)
    with _name_unreadable_paths(source.path):
        return recognise(source, None, Formats.read()).reader.guess_task(source)


def detect(path: Path | str, task: str | None = None) -> str:
    """The name of the format that a data set is in. Raises DataError where none explains it."""
    return recognise(_source(path, None), task, Formats.read()).name


def _source(path: Path | str, options: ReadingOptions | None) -> DataSource:
    """The data set at a path. Raises FindingError where there is nothing, or a folder of images that isn't there."""
    source = DataSource(Path(path), options or ReadingOptions())
    for place in (source.path, *source.options.images):
        if not place.exists():
            raise FindingError(Finding.of("data-missing", "there is no such file or folder", place))
    return source


def _read(recognised: Recognised, source: DataSource, formats: Formats, task: str) -> Reading:
    """The rows for a task; a task that classifies whole images takes its labels from objects where there are those."""
    spec = formats.by_name[recognised.name].part.spec
    for option, typed in source.options.given().items():
        if option not in spec.options:
            message = f"{typed} says nothing about {recognised.name}, {spec.summary}"
            raise FindingError(Finding.of("format-unknown", message).advising("leave it out, or name another format"))
    if task in OBJECT_TASKS or task in spec.tasks or DETECTION not in spec.tasks:
        return recognised.reader.read(source, task)
    return labels_of_objects(recognised.reader.read(source, DETECTION), task)


@contextmanager
def _name_unreadable_paths(path: Path) -> Iterator[None]:
    """Turn an OSError into a finding that names the file or folder."""
    try:
        yield
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise FindingError(Finding.of("data-missing", message, error.filename or path)) from error


def _unreferenced(source: DataSource, reading: Reading) -> Iterator[Finding]:
    """A finding about the images below the data folder that the reader didn't account for."""
    if not source.path.is_dir():
        return
    root = f"{source.root}/"
    known = {image.removeprefix(root) for image in reading.table.images}
    left = [image for image in source.index.images if image not in known and image not in reading.auxiliary]
    if left:
        folders = Counter(image.rpartition("/")[0] or "." for image in left).most_common(3)
        listed = ", ".join(f"{count} in {folder}" for folder, count in folders)
        message = f"{len(left)} image(s) that no annotation is about: {listed}"
        yield Finding.of("image-unreferenced", message, source.root, count=len(left))


def _empty_data(path: Path, reading: Reading) -> Finding:
    errors = [finding for finding in reading.findings if finding.severity == "error"]
    if not errors:
        remarks = [remark.message for remark in reading.findings if remark.severity == "warning"]
        why = "".join(f"; {remark}" for remark in remarks[:1])
        return Finding.of("data-empty", f"the data set is empty: no labelled image was found{why}", path)
    message = f"none of {len(errors)} rows could be read; the first: {errors[0].where}: {errors[0].message}"
    return replace(Finding.of("data-empty", message, path), remedy=errors[0].remedy)
