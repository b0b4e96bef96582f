"""Read a data set of any known format into a table: the format is named or detected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.formats import Formats
from vistry.data.readers.reader import Reader, Reading
from vistry.registry.plugin_code import BrokenPluginError


def read(path: Path | str, task: str, format: str | None = None) -> Reading:
    """Read the data set at a path for a task, by its full name. Raises DataError where nothing can be read."""
    path = Path(path)
    with _name_unreadable_paths(path):
        reading = reader_for(path, format, task).read(path, task)
    if len(reading.table) == 0:
        raise FindingError(_empty_data(path, reading))
    return reading


def guess_task(path: Path | str, format: str | None = None) -> tuple[str, str]:
    """The full name of the task that the labels suggest, and the reason. Raises DataError like `read`."""
    path = Path(path)
    with _name_unreadable_paths(path):
        return reader_for(path, format).guess_task(path)


@contextmanager
def _name_unreadable_paths(path: Path) -> Iterator[None]:
    """Turn an OSError into a finding that names the file or folder."""
    try:
        yield
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise FindingError(Finding.of("data-missing", message, error.filename or path)) from error


def reader_for(path: Path, format: str | None = None, task: str | None = None) -> Reader:
    """The reader of the named format, or of the one that fits. Raises DataError where there is none."""
    if not path.exists():
        raise FindingError(Finding.of("data-missing", "there is no such file or folder", path))
    formats = Formats.read()
    if format is None:
        return formats.by_name[detect(path, task, formats)].reader
    entry = formats.named(format)
    if path.is_dir() and not entry.reader.fits(path):
        reason = f"this is not {entry.summary}; found {_contents(path)}"
        raise FindingError(Finding.of("format-unknown", reason, path))
    return entry.reader


def detect(path: Path, task: str | None = None, formats: Formats | None = None) -> str:
    """The first format that fits, those first that have labels for the task.

    Raises DataError that lists what was found and the formats, or the BrokenPluginError of a reader that couldn't tell,
    where none fits.
    """
    formats = formats or Formats.read()
    failure: BrokenPluginError | None = None
    for name in formats.by_preference(task):
        try:
            if formats.by_name[name].reader.fits(path):
                return name
        except BrokenPluginError as error:  # the data may be in another format, which works
            failure = failure or error
    if failure:
        raise failure
    listed = "; ".join(f"{name}: {entry.summary}" for name, entry in formats.by_name.items())
    message = f"no known format fits; found {_contents(path)}. Formats: {listed}"
    raise FindingError(Finding.of("format-unknown", message, path))


def _empty_data(path: Path, reading: Reading) -> Finding:
    errors = [finding for finding in reading.findings if finding.severity == "error"]
    if not errors:
        remarks = [remark.message for remark in reading.findings if remark.severity == "warning"]
        why = "".join(f"; {remark}" for remark in remarks[:1])
        return Finding.of("data-empty", f"the data set is empty: no labelled image was found{why}", path)
    message = f"none of {len(errors)} rows could be read; the first: {errors[0].where}: {errors[0].message}"
    return Finding.of("data-empty", message, path).advising(errors[0].remedy)


def _contents(path: Path) -> str:
    """Count what is at a path, for a message: '3 .json file(s), 2 folder(s)'."""
    if path.is_file():
        return f"a {path.suffix or 'suffixless'} file of {path.stat().st_size} bytes"
    counts = Counter(_kind(entry) for entry in islice(_visible(path), 10_000))
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:6]
    return ", ".join(f"{count} {kind}" for kind, count in commonest) or "an empty folder"


def _visible(path: Path) -> Iterator[Path]:
    return (entry for entry in path.iterdir() if not entry.name.startswith("."))


def _kind(entry: Path) -> str:
    return "folder(s)" if entry.is_dir() else f"{entry.suffix.lower() or 'suffixless'} file(s)"
