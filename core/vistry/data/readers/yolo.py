"""YOLO: a text file an image, a line an object: class number, then a box or a polygon as fractions of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.class_numbers import numbers_from_one
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.json_text import check_encoding
from vistry.data.readers.labels import DETECTION, SEGMENTATION, ClassNames, needs_objects
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.spread import spread
from vistry.data.readers.yolo_layout import (
    SAMPLE,
    Layout,
    descriptions,
    label_texts,
    looks_like_labels,
    read_layout,
)
from vistry.data.readers.yolo_lines import LineForms, class_number, pose_length
from vistry.data.source import DataSource

NAME = "yolo"
# Files whose lines tell the form of all.
FORM_SAMPLE = 500


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format: text files with lines of numbers and their images, or a description that fits."""
    described = descriptions(source)
    texts = label_texts(source) if source.path.is_dir() else []
    sample = spread(texts, SAMPLE)
    telling = [file for file in sample if looks_like_labels(file)]
    if telling:
        finder = ImageFinder(source, a_file_an_image=True)
        present = sum(bool(finder.find_stem(file.stem, file)) for file in telling)
        covers = len(texts) * len(telling) // len(sample)
        return Evidence(f"{covers} of YOLO's text files", named=len(telling), present=present, covers=covers)
    return _judge_description(source, described[0]) if described else None


def _judge_description(source: DataSource, file: Path) -> Evidence:
    """The evidence of a description whose text files aren't below the data folder."""
    summary = f"{file.name}, which describes a YOLO data set"
    try:
        layout = read_layout(source)
    except FindingError as error:
        finding = error.finding
        where = finding.where or str(file)
        return Evidence(summary, named=1, against=f"{where}: {finding.message}", remedy=finding.remedy)
    against = "" if layout.texts else "none of its images has a text file of labels, in labels/ or beside it"
    remedy = "" if layout.texts else "put the text files beside the images, or into labels/ beside their images/"
    count = len(layout.images)
    return Evidence(summary, named=count, present=len(layout.texts), covers=count, against=against, remedy=remedy)


def read(source: DataSource, task: str) -> Reading:
    """Every image with its objects; a bad line costs that line only."""
    needs_objects(task, source.path)
    layout = read_layout(source)
    reader = _Reader(layout, task)
    for split, image in layout.images:
        reader.add(image, split)
    table = reader.builder.build()
    return Reading(table, (*reader.findings, *reader.remarks(), *reader.builder.unused_classes(table, source.path)))


def guess_task(source: DataSource) -> tuple[str, str]:
    """Segmentation where lines of the sample have polygons, else detection."""
    layout = read_layout(source)
    forms = _forms(layout)
    for line in _sampled_lines(layout):
        try:
            forms.parse(line.split()[1:])
        except FindingError:
            continue
    if forms.counts["polygon"]:
        return SEGMENTATION, "lines with polygons"
    return DETECTION, "lines with boxes"


def _forms(layout: Layout) -> LineForms:
    return LineForms(layout.pose or pose_length(_sampled_lines(layout)))


def _sampled_lines(layout: Layout) -> Iterator[str]:
    for path in spread(list(layout.texts.values()), FORM_SAMPLE):
        try:
            yield from (line for line in _lines(path) if line.strip())
        except FindingError:
            continue


class _Reader:
    """Adds images to a builder and remembers what was wrong."""

    def __init__(self, layout: Layout, task: str):
        self.builder = ObjectTableBuilder(layout.source.root, NAME, task, normalised=True)
        self.findings: list[Finding] = []
        self._layout = layout
        self._forms = _forms(layout)
        self._classes = ClassNames(self.builder)
        self._unlabelled: list[str] = []
        self._class_numbers: set[int] = set()
        for name in layout.names.values():
            self._classes.one(name)

    def add(self, image: str, split: int) -> None:
        """Add an image and the lines of its text file."""
        path = self._layout.texts.get(image)
        if path is None:
            self._unlabelled.append(image)
            self.builder.add_image(image, split)
            return
        try:
            lines = _lines(path)
        except FindingError as error:
            self.findings.append(replace(error.finding, file=error.finding.file or str(path)))
            return
        row = self.builder.add_image(image, split, self.builder.add_file(path), 1)
        for number, line in enumerate(lines, start=1):
            if words := line.split():
                self._add_line(row, words, path, number=number)

    def _add_line(self, row: int, words: Sequence[str], path: Path, number: int) -> None:
        try:
            label = self._label(words[0])
            box, shape = self._forms.parse(words[1:])
        except FindingError as error:
            self.findings.append(replace(error.finding, file=str(path), line=number))
            self.builder.drop_object(row)
            return
        self.builder.add_object(row, label, ObjectRecord(box, number, line=number, shape=shape))

    def _label(self, word: str) -> int:
        number = class_number(word)
        self._class_numbers.add(number)
        names = self._layout.names
        if names and number not in names:
            message = f"class {number} is not among the {len(names)} names, which go to {max(names)}"
            raise FindingError(Finding.of("class-unknown", message))
        return self._classes.one(names.get(number, str(number)))[0]

    def remarks(self) -> list[Finding]:
        """The findings that summarise, once all files are read."""
        root = self._layout.source.root
        remarks = [*self._layout.findings, *self._layout.finder.remarks, *self._classes.remarks(root)]
        remarks += [*self._forms.remarks(root), *self._repeated_names(root)]
        remarks += numbers_from_one(self._class_numbers, self._layout.names, root)
        if self._unlabelled:
            count, first = len(self._unlabelled), self._layout.source.relative(Path(self._unlabelled[0]))
            message = f"{count} image(s) without a text file, such as {first}, train as images without objects"
            remarks.append(Finding.of("negative-assumed", message, root, count=count))
        return remarks

    def _repeated_names(self, root: Path) -> list[Finding]:
        names = list(self._layout.names.values())
        repeated = sorted({name for name in names if names.count(name) > 1}) if len(names) > len(set(names)) else []
        return [
            Finding.of("class-same-name", f"several class numbers are called '{name}' and are one class", root)
            for name in repeated
        ]


def _lines(path: Path) -> list[str]:
    check_encoding(path)
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FindingError(Finding.of("file-encoding", f"not UTF-8 at byte {error.start + 1}", path)) from error
