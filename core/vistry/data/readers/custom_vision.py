"""Custom Vision's tagged images, as an export or as the list that its service returns: boxes in fractions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.json_text import Repeated, elements, read_list, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import DETECTION, ClassNames, needs_objects
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_box
from vistry.data.source import DataSource

NAME = "custom_vision"
FILE = "tagged-images.json"
SUFFIXES = (".json",)
NAMES = ("filename", "file", "file_name", "name")
CORNER_AND_SIZE = ("left", "top", "width", "height")
# The largest of a data set's JSON files are looked into.
MOST = 60


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format: files of its name, or that begin with its keys, and that their images are there."""
    files = _files(source)
    finder = ImageFinder(source)
    named = present = covers = 0
    for file in files:
        try:
            names = [name for _, record in _records(file.path) if (name := _name(record))]
        except FindingError:  # it is told with its line when the file is read
            names = []
        expected = finder.expect(file.path, names)
        named, present, covers = named + expected[0], present + expected[1], covers + len(names)
    listed = ", ".join(file.path.name for file in files[:3])
    return Evidence(f"Custom Vision's {listed}", named, present, covers=covers) if files else None


def read(source: DataSource, task: str) -> Reading:
    """Every file with its tags; a bad tag is a finding and costs that tag only."""
    needs_objects(task, source.path)
    if task != DETECTION:
        message = "this format has boxes and no masks"
        raise FindingError(Finding.of("task-mismatch", message, source.path).advising("use --task detection"))
    reader = _Reader(source)
    for file in _files(source) or [AnnotationFile(source.root / source.path.name)]:
        reader.read(file)
    return Reading(reader.builder.build(), (*reader.findings, *reader.remarks()))


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Detection."""
    return DETECTION, "tags with boxes"


def _files(source: DataSource) -> list[AnnotationFile]:
    files = source.annotation_files(SUFFIXES)
    if len(files) > MOST:
        files = sorted(files, key=lambda file: -file.path.stat().st_size)[:MOST]
    return [file for file in files if _is_custom_vision(file.path)]


def _is_custom_vision(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4096)
    listed = head.lstrip().startswith(b"[") and b'"tagName"' in head and b'"left"' in head
    return listed or path.name == FILE or (b'"files"' in head and b'"tags"' in head and b'"filename"' in head)


def _records(path: Path) -> Iterator[tuple[int, Json]]:
    """(line, image) of each image. Raises FindingError."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        is_list = stream.read(4096).lstrip().startswith("[")
    if is_list:
        return ((1, value) for value in read_list(path))
    return ((line, value) for key, line, value in elements(path) if key == "files")


class _Reader:
    """Adds the files' images to a builder and remembers what was wrong."""

    def __init__(self, source: DataSource):
        self.builder = ObjectTableBuilder(source.root, NAME, DETECTION, normalised=True)
        self.findings: list[Finding] = []
        self._path = source.path
        self._names = ClassNames(self.builder)
        self._finder = ImageFinder(source)

    def read(self, file: AnnotationFile) -> None:
        """Add all images of a file."""
        self._path = file.path
        records = list(_records(file.path))
        self._finder.expect(file.path, (_name(record) for _, record in records))
        index = self.builder.add_file(file.path)
        for line, record in records:
            try:
                self._add(record, file.split, index, line=line)
            except FindingError as error:
                self._note(error.finding, line)

    def remarks(self) -> list[Finding]:
        """The findings that summarise, once all files are read."""
        return self._finder.remarks + self._names.remarks(self._path)

    def _note(self, finding: Finding, line: int, subject: str = "") -> None:
        self.findings.append(replace(finding, reason=subject + finding.message, file=str(self._path), line=line))

    def _add(self, record: Json, split: int, index: int, line: int) -> None:
        if isinstance(record, Repeated):
            raise FindingError(repeated(f"{dict(record)!r:.80}"))
        name = _name(record)
        if not name:
            raise FindingError(Finding.of("field-missing", f"no 'filename' in {record!r:.60}"))
        row = self.builder.add_image(self._finder.find(name, self._path), split, index, line)
        tags = record["regions"] if "regions" in record else record.get("tags")
        for number, tag in enumerate(tags or (), start=1):
            try:
                label, box = self._tag(tag)
                self.builder.add_object(row, label, ObjectRecord(box, number))
            except FindingError as error:
                self._note(error.finding, line, f"{name}: tag {number}: ")
                self.builder.drop_object(row)

    def _tag(self, tag: Json) -> tuple[int, Box]:
        name = tag.get("tag", tag.get("tagName")) if type(tag) is dict else None
        if name is None:
            raise FindingError(Finding.of("object-invalid", f"no 'tag' in {tag!r:.60}"))
        (label,) = self._names.one(name)
        values = [tag.get(name) for name in CORNER_AND_SIZE]
        left, top, width, height = parse_box(values, ", ".join(CORNER_AND_SIZE))
        return label, (left, top, left + width, top + height)


def _name(record: Json) -> str:
    """The name of an image; of one that the service lists, which has an address, the name at its end."""
    if not isinstance(record, dict):
        return ""
    names = [record.get(key) for key in NAMES]
    address = record.get("originalImageUri")
    names.append(urlsplit(address).path.rpartition("/")[2] if isinstance(address, str) else "")
    return next((name for name in names if isinstance(name, str) and name), "")
