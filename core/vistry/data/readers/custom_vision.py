"""Custom Vision's tagged-images.json: left, top, width and height as fractions of the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.image_folders import prefix_of_images
from vistry.data.readers.json_text import Repeated, elements, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import DETECTION, ClassNames, needs_objects
from vistry.data.readers.locations import Locator
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_box
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "custom_vision"
FILE = "tagged-images.json"
CORNER_AND_SIZE = ("left", "top", "width", "height")


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format."""
    return Evidence("tagged-images.json") if _fits(source.path) else None


def _fits(path: Path) -> bool:
    """Whether the path is, or holds, a file of this name, or a JSON file that begins with its keys."""
    file = _file(path)
    if not file.is_file() or file.suffix.lower() != ".json":
        return False
    with file.open("rb") as stream:
        head = stream.read(4096)
    return file.name == FILE or (b'"files"' in head and b'"tags"' in head)


def read(source: DataSource, task: str) -> Reading:
    """Every file with its tags; a bad tag is a finding and costs that tag only."""
    path = source.path
    needs_objects(task, path)
    if task != DETECTION:
        raise FindingError(
            Finding.of("task-mismatch", "this format has boxes and no masks", path).advising("use --task detection")
        )
    reader = _Reader(_file(path))
    reader.read()
    return Reading(reader.builder.build(), tuple(reader.findings))


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Detection."""
    return DETECTION, "tags with boxes"


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


class _Reader:
    """Adds the file's images to a builder and remembers what was wrong."""

    def __init__(self, path: Path):
        self.builder = ObjectTableBuilder(path.parent.resolve(), NAME, DETECTION, normalised=True)
        self.findings: list[Finding] = []
        self._path = path
        self._names = ClassNames(self.builder)
        self._locator = Locator(self.builder.root)

    def read(self) -> None:
        """Add all images."""
        records = [(line, value) for key, line, value in elements(self._path) if key == "files"]
        folders = (self.builder.root, self.builder.root / "images")
        prefix = prefix_of_images(self.builder.root, folders, [_name(value) for _, value in records])
        index = self.builder.add_file(self._path)
        for line, record in records:
            try:
                self._add(record, prefix, index, line=line)
            except FindingError as error:
                self._note(error.finding, line)
        self.findings += self._locator.remarks + self._names.remarks(self._path)

    def _note(self, finding: Finding, line: int, subject: str = "") -> None:
        self.findings.append(replace(finding, reason=subject + finding.message, file=str(self._path), line=line))

    def _add(self, record: Json, prefix: str, index: int, line: int) -> None:
        if isinstance(record, Repeated):
            raise FindingError(repeated(f"{dict(record)!r:.80}"))
        name = _name(record)
        if not name:
            raise FindingError(Finding.of("field-missing", f"no 'filename' in {record!r:.60}"))
        row = self.builder.add_image(self._locator.locate(prefix + name), UNASSIGNED, index, line)
        for number, tag in enumerate(record.get("tags") or (), start=1):
            try:
                label, box = self._tag(tag)
                self.builder.add_object(row, label, ObjectRecord(box, number))
            except FindingError as error:
                self._note(error.finding, line, f"{name}: tag {number}: ")
                self.builder.drop_object(row)

    def _tag(self, tag: Json) -> tuple[int, Box]:
        if type(tag) is not dict or "tag" not in tag:
            raise FindingError(Finding.of("object-invalid", f"no 'tag' in {tag!r:.60}"))
        (label,) = self._names.one(tag["tag"])
        values = [tag.get(name) for name in CORNER_AND_SIZE]
        left, top, width, height = parse_box(values, ", ".join(CORNER_AND_SIZE))
        return label, (left, top, left + width, top + height)


def _name(record: Json) -> str:
    name = record.get("filename") if isinstance(record, dict) else None
    return name if isinstance(name, str) else ""
