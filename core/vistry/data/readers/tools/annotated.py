"""What a labelling tool says of an image, and the table that a reader of any such tool fills from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.object_labels import labels_of_objects
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import (
    DETECTION,
    MULTICLASS,
    MULTILABEL,
    OBJECT_TASKS,
    SEGMENTATION,
    ClassNames,
    label_reader,
)
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

# Images that are looked at before a format or a task is guessed.
SAMPLE = 200


@dataclass(frozen=True)
class Drawn:
    """An object as it was drawn: its class as the file has it, and its box or its shape, in the unit of the format."""

    label: Json
    box: Box | None = None
    shape: Shape | None = None
    line: int = 0


@dataclass
class AnnotatedImage:
    """An image, by the names that it may have in the order to try them, with what was said about it.

    `labels`: of the whole image; None where nothing was said. `unlabelled`: nobody has annotated it yet. `faults`: what
    couldn't be used; each costs an object.
    """

    names: Sequence[str]
    file: Path
    line: int = 1
    size: tuple[int, int] = (0, 0)
    split: int = UNASSIGNED
    labels: tuple[str, ...] | None = None
    objects: list[Drawn] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    unlabelled: bool = False


@dataclass(frozen=True)
class ToolFormat:
    """A tool's format: its name, what its files are called in a sentence, and how they are parsed.

    `files(source)`: its annotation files. `parse(source, file)`: the images of one; raises FindingError for a file that
    can't be used. `fractions`: boxes and rings are shares of the image's sides. `a_file_an_image`: each file is about
    one.
    """

    name: str
    noun: str
    files: Callable[[DataSource], list[Path]]
    parse: Callable[[DataSource, Path], Iterator[AnnotatedImage]]
    fractions: bool = False
    a_file_an_image: bool = False

    def judge(self, source: DataSource) -> Evidence | None:
        """What a sample of the files says, and whether the images it names are there."""
        files = self.files(source)
        if not files:
            return None
        finder = ImageFinder(source, a_file_an_image=self.a_file_an_image)
        images = list(islice(self._images(source, files, []), SAMPLE))
        present = sum(any(finder.is_there(name, image.file) for name in image.names) for image in images)
        noun = f"{len(files)} {self.noun}, such as {source.relative(files[0])}"
        return Evidence(noun, named=len(images), present=present, covers=max(len(files), len(images)))

    def read(self, source: DataSource, task: str) -> Reading:
        """Every image with what was said about it, as labels for a task."""
        findings: list[Finding] = []
        images = list(self._images(source, self.files(source), findings))
        if task in OBJECT_TASKS:
            reading = self._read_objects(source, images, task)
        elif any(image.labels for image in images):
            reading = self._read_labels(source, images, task)
        else:
            reading = labels_of_objects(self._read_objects(source, images, DETECTION), task)
        return replace(reading, findings=(*findings, *reading.findings))

    def guess_task(self, source: DataSource) -> tuple[str, str]:
        """The task that fits the first images: masks, boxes, several labels an image, or one."""
        images = list(islice(self._images(source, self.files(source), []), SAMPLE))
        drawn = [thing for image in images for thing in image.objects]
        if any(thing.shape is not None for thing in drawn):
            return SEGMENTATION, "objects with outlines or masks"
        if drawn:
            return DETECTION, "objects with boxes"
        if any(len(image.labels) != 1 for image in images if image.labels is not None):
            return MULTILABEL, "several labels, or none, for some image"
        return MULTICLASS, "one label an image"

    def _images(self, source: DataSource, files: Iterable[Path], findings: list[Finding]) -> Iterator[AnnotatedImage]:
        """The images of all files; a file that can't be used is a finding."""
        for file in files:
            try:
                yield from self.parse(source, file)
            except FindingError as error:
                findings.append(_at(error.finding, file, 1))

    def _read_objects(self, source: DataSource, images: Sequence[AnnotatedImage], task: str) -> Reading:
        builder = ObjectTableBuilder(source.root, self.name, task, normalised=self.fractions)
        rows = _Rows(source, builder, images, a_file_an_image=self.a_file_an_image)
        for image in images:
            path = rows.path_of(image)
            if path is None or image.unlabelled:
                continue
            row = builder.add_image(path, image.split, rows.file_of(image), line=image.line, size=image.size)
            for number, thing in enumerate(image.objects, start=1):
                try:
                    box = thing.box or (thing.shape.box() if thing.shape else None)
                    if box is None:
                        message = f"'{thing.label}' has no box and no outline"
                        raise FindingError(Finding.of("object-invalid", message))
                    (label,) = rows.names.one(thing.label)
                    record = ObjectRecord(box, number, line=thing.line, shape=thing.shape or _rectangle(box))
                    builder.add_object(row, label, record)
                except FindingError as error:
                    rows.findings.append(_at(error.finding, image.file, thing.line or image.line))
                    builder.drop_object(row)
            for fault in image.faults:
                rows.findings.append(_at(fault, image.file, image.line))
                builder.drop_object(row)
        return rows.reading()

    def _read_labels(self, source: DataSource, images: Sequence[AnnotatedImage], task: str) -> Reading:
        builder = TableBuilder(source.root, self.name)
        rows = _Rows(source, builder, images, a_file_an_image=self.a_file_an_image)
        read_label = label_reader(task, rows.names)
        for image in images:
            path = rows.path_of(image)
            if path is None or image.unlabelled:
                continue
            labels = list(image.labels or ())
            try:
                given = labels[0] if task == MULTICLASS and len(labels) == 1 else labels
                builder.add(path, read_label(given), image.split, rows.file_of(image), line=image.line)
            except FindingError as error:
                rows.findings.append(_at(error.finding, image.file, image.line))
        return rows.reading()


class _Rows:
    """What the rows of a table share: where images are, the classes, the files, and what was wrong."""

    def __init__(
        self, source: DataSource, builder: TableBuilder, images: Sequence[AnnotatedImage], *, a_file_an_image: bool
    ):
        self.findings: list[Finding] = []
        self.names = ClassNames(builder)
        self._source = source
        self._builder = builder
        self._finder = ImageFinder(source, a_file_an_image=a_file_an_image)
        self._files: dict[Path, int] = {}
        by_file: dict[Path, list[str]] = {}
        for image in images:
            by_file.setdefault(image.file, []).append(image.names[0])
        for file, names in by_file.items():
            self._finder.expect(file, names)
        self._unlabelled = Counter(image.file for image in images if image.unlabelled)
        self._passed: set[str] = set()

    def path_of(self, image: AnnotatedImage) -> str | None:
        """The image's path: of its names the first that there is, else of the first, for it to be missing."""
        there = (name for name in image.names if self._finder.is_there(name, image.file))
        try:
            path = self._finder.find(next(there, image.names[0]), image.file)
        except FindingError as error:
            self.findings.append(_at(error.finding, image.file, image.line))
            return None
        if image.unlabelled:
            self._passed.add(path.removeprefix(f"{self._source.root}/"))
        return path

    def file_of(self, image: AnnotatedImage) -> int:
        """The index of the image's annotation file, for the builder."""
        if image.file not in self._files:
            self._files[image.file] = self._builder.add_file(image.file)
        return self._files[image.file]

    def reading(self) -> Reading:
        """The table and all findings."""
        table = self._builder.build()
        for file, count in self._unlabelled.items():
            message = f"{count} image(s) that nobody has annotated are left out"
            self.findings.append(Finding.of("image-unlabelled", message, file, count=count))
        remarks = [*self._finder.remarks, *self.names.remarks(self._source.path)]
        if isinstance(self._builder, ObjectTableBuilder):
            remarks += self._builder.unused_classes(table, self._source.path)
        return Reading(table, (*self.findings, *remarks), auxiliary=frozenset(self._passed))


def _rectangle(box: Box) -> Shape:
    """A box's outline, so that boxes among masks are masks, too."""
    left, top, right, bottom = box
    return Shape([(left, top, right, top, right, bottom, left, bottom)])


def _at(finding: Finding, file: Path, line: int) -> Finding:
    return replace(finding, file=finding.file or str(file), line=finding.line or line)
