"""The page of a data set: what is in it, how large, what it looks like, and the pictures that findings are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.data.catalogue import GRAVITY
from vistry.data.checks.inspection import upright_size
from vistry.data.doctor import Diagnosis
from vistry.data.findings import SEVERITIES, Finding
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.offsets import segment_ids
from vistry.data.table import SPLITS, Table
from vistry.registry.tasks import task_named
from vistry.report.boxed_picture import boxed_picture, row_picture
from vistry.report.data_section import SEVERITY_CLASSES
from vistry.report.distribution import BOX, IMAGE, Noun, distribution
from vistry.report.gallery import Card, gallery
from vistry.report.html_page import html_page
from vistry.report.label_issue_section import PICTURES, issue_card, label_issue_section
from vistry.report.markup import element, joined, name_of, text_of
from vistry.report.numbers import count
from vistry.report.section import Section
from vistry.report.suspects import Suspects
from vistry.report.table import table
from vistry.report.thumbnail import Thumbnail

# Letters of all pictures together: a page is mailed and opened on a telephone.
PICTURE_BUDGET = 7_000_000
# Pictures of all classes together, of one class at the most and at the least, and of one check.
CLASS_PICTURES, MOST_OF_CLASS, LEAST_OF_CLASS = 240, 12, 2
CHECK_PICTURES, CHECK_LINES = 8, 12
# Images whose headers are read for their size, where the data doesn't know it.
SIZED_IMAGES = 1_000
# Rows of the table of classes.
LISTED_CLASSES = 1_000

Sizes = npt.NDArray[np.float64]


def data_page(diagnosis: Diagnosis, suspects: Suspects | None = None) -> str:
    """Return the page of a diagnosed data set as HTML. Which pictures are drawn is the same each time.

    `suspects` are the labels that are probably wrong, where models were trained that can tell.
    """
    return _DataPage(diagnosis, suspects).html()


class _DataPage:
    def __init__(self, diagnosis: Diagnosis, suspects: Suspects | None):
        self._diagnosis, self._suspects = diagnosis, suspects
        self._table = diagnosis.table
        self._rows = {image: row for row, image in enumerate(self._table.images)}
        self._letters = 0

    def html(self) -> str:
        """The page; findings come before the classes in it, so that a budget of pictures is spent on them first."""
        findings, labels = self._findings(), self._labels()
        sections = [self._counts(), *self._sizes(), findings, labels, self._pictures()]
        path = str(self._diagnosis.path)
        return html_page(f"Data: {path}", self._header(), [section for section in sections if section is not None])

    def _header(self) -> Markup:
        diagnosis, rows = self._diagnosis, self._table
        severities = {name: number for name, number in diagnosis.severities.items() if number}
        chips = [
            element("span", count(number, name), class_=f"chip {SEVERITY_CLASSES[name]}")
            for name, number in severities.items()
        ]
        title = element("h1", name_of(PurePath(diagnosis.path).name or str(diagnosis.path)), " ", joined(chips))
        task = task_named(diagnosis.task)
        under = element("p", f"{task.alias}, format {rows.format} · ", text_of(str(diagnosis.path)), class_="under")
        lines = [element("p", text_of(line), class_="under") for line in diagnosis.division.lines(rows)]
        tiles = [_tile("images", len(rows)), _tile("classes", len(rows.classes))]
        if rows.objects is not None:
            tiles.append(_tile("objects", len(rows.labels)))
        tiles.append(_tile("set aside", len(diagnosis.quarantined)))
        return element("header", title, under, *lines, element("div", *tiles, class_="tiles"))

    def _counts(self) -> Section:
        parts = {"images": self._table.class_counts()}
        if self._table.objects is not None:
            parts["objects"] = self._table.object_counts()
        for name in SPLITS:
            rows = self._table.rows_of(name)
            if len(rows):
                parts[f"{name} images"] = self._table.take(rows).class_counts()
        largest = {name: max(1, int(numbers.max(initial=0))) for name, numbers in parts.items()}
        columns = [[_length(int(number), largest[name]) for number in numbers] for name, numbers in parts.items()]
        rows_of_table = list(zip(self._table.classes, *columns, strict=True))[:LISTED_CLASSES]
        note = "How many images have each class" + (", and its objects." if self._table.objects is not None else ".")
        return Section("classes", "Classes", note, parts=[table(("class", *parts), rows_of_table, sortable=True)])

    def _sizes(self) -> Iterator[Section]:
        rows = self._table
        sizes = _image_sizes(rows)
        if len(sizes):
            charts = [*_size_charts(sizes, IMAGE)]
            note = f"Sides in pixels of {count(len(sizes), 'image')}, upright; an aspect above 1 is wider than high."
            yield Section("sizes", "Sizes of images", note, parts=[element("div", *charts, class_="charts")])
        if rows.objects is not None and len(rows.labels):
            x1, y1, x2, y2 = rows.objects.boxes.astype(np.float64).T
            boxes = np.stack([x2 - x1, y2 - y1], axis=1)
            width, height = rows.objects.width, rows.objects.height
            of_row = segment_ids(rows.label_starts)
            areas = np.maximum(width * height.astype(np.float64), 1)[of_row]
            share = 100 * np.sqrt(boxes.prod(axis=1).clip(0) / areas)
            per_image = np.diff(rows.label_starts).astype(np.float64)
            charts = [
                *_size_charts(boxes, BOX),
                distribution("Side against the image's", share, x_label="root of the area's share, %", noun=BOX),
                distribution("Objects in an image", per_image, x_label="objects", noun=IMAGE),
            ]
            note = "The side of a box is the root of its area, in pixels of its image."
            yield Section("boxes", "Boxes", note, parts=[element("div", *charts, class_="charts")])

    def _findings(self) -> Section:
        by_check: dict[str, list[Finding]] = defaultdict(list)
        for finding in self._diagnosis.findings:
            by_check[finding.check].append(finding)
        if not by_check:
            return Section("findings", "Findings", "There are none: nothing to complain about.", parts=[])
        order = sorted(by_check.values(), key=lambda one: (SEVERITIES.index(one[0].severity), GRAVITY[one[0].check]))
        note = "What the doctor found, the gravest first, and what to do."
        return Section("findings", "Findings", note, parts=[self._check(findings) for findings in order])

    def _check(self, findings: Sequence[Finding]) -> Markup:
        first = findings[0]
        chip = element("span", first.severity, class_=f"chip {SEVERITY_CLASSES[first.severity]}")
        number = f" ({len(findings):,})" if len(findings) > 1 else ""
        title = element("h3", chip, f" {first.check}{number}")
        lines = [element("li", text_of(_words(finding))) for finding in findings[:CHECK_LINES]]
        if len(findings) > CHECK_LINES:
            lines.append(element("li", f"and {len(findings) - CHECK_LINES:,} more: vistry doctor --json"))
        remedy = element("p", text_of(first.remedy), class_="none") if first.remedy else ""
        return element("div", title, element("ul", *lines), remedy, gallery(self._cards_of(findings)), class_="check")

    def _cards_of(self, findings: Sequence[Finding]) -> Iterator[Card]:
        """A picture for each of the first images that the findings name, with what they say about it."""
        by_image: dict[str, str] = {}
        for finding in findings:
            image = _image_of(finding)
            if image is not None:
                by_image.setdefault(image, finding.reason)
        for image, reason in list(by_image.items())[:CHECK_PICTURES]:
            row = self._rows.get(image)
            picture = boxed_picture(image) if row is None else row_picture(self._table, row)
            if self._affords(picture):
                yield Card(image, (text_of(reason[:200]),), picture)

    def _labels(self) -> Section | None:
        """The labels that are probably wrong; a picture that the page has no room for isn't drawn."""
        if self._suspects is None:
            return None
        cards = []
        for issue in self._suspects.labels.issues[:PICTURES]:
            card = issue_card(issue)
            if not self._affords(card.picture):
                break
            cards.append(card)
        return label_issue_section(self._suspects.labels, cards, self._suspects.gone)

    def _affords(self, picture: Thumbnail | None) -> bool:
        """Whether the page has room for the picture, which is then counted; where there is none, its name is shown."""
        self._letters += len(picture.uri) if picture else 0
        return self._letters <= PICTURE_BUDGET

    def _pictures(self) -> Section | None:
        rows = self._table
        if not len(rows) or not rows.classes:
            return None
        each = min(MOST_OF_CLASS, max(LEAST_OF_CLASS, CLASS_PICTURES // len(rows.classes)))
        of_row = segment_ids(rows.label_starts)
        random = np.random.default_rng(0)
        shown = range(min(len(rows.classes), CLASS_PICTURES // LEAST_OF_CLASS))
        parts = []
        for label in shown:
            members = np.unique(of_row[rows.labels == label])
            chosen = sorted(random.permutation(members)[:each].tolist())
            cards = list(self._cards_of_class(chosen, label))
            if cards:
                parts.append(_class_gallery(rows.classes[label], len(members), cards))
        drawn = "; objects of the class are orange, others blue" if rows.objects is not None else ""
        more = "" if len(parts) == len(rows.classes) else f" The first {len(parts)} classes are shown."
        note = f"A few images of each class, drawn at random{drawn}.{more}"
        return Section("pictures", "Pictures", note, parts=parts)

    def _cards_of_class(self, chosen: Sequence[int], label: int) -> Iterator[Card]:
        for row in chosen:
            picture = row_picture(self._table, row, label)
            if self._affords(picture):
                yield Card(self._table.images[row], (), picture)


def _class_gallery(name: str, images: int, cards: Sequence[Card]) -> Markup:
    return element("div", element("h3", name_of(name), f" · {count(images, 'image')}"), gallery(cards), class_="check")


def _image_of(finding: Finding) -> str | None:
    """The path of the image that a finding is about, if it is about one."""
    candidates = (finding.image, finding.quarantines, finding.file)
    return next((path for path in candidates if path and PurePath(path).suffix.lower() in IMAGE_SUFFIXES), None)


def _words(finding: Finding) -> str:
    return f"{finding.where}: {finding.message}" if finding.where else finding.message


def _tile(name: str, number: int) -> Markup:
    return element("div", element("span", name, class_="of"), element("strong", f"{number:,}"), class_="tile")


def _length(number: int, largest: int) -> Markup:
    bar = element("i", style=f"width:{100 * number / largest:.1f}%")
    return element("span", element("b", f"{number:,}"), element("span", bar, class_="track"), class_="length")


def _image_sizes(rows: Table) -> Sizes:
    """[K, 2] width and height in pixels: those the data knows, else those of a sample of the files."""
    if rows.objects is not None:
        sizes = np.stack([rows.objects.width, rows.objects.height], axis=1)
    else:
        chosen = np.random.default_rng(0).permutation(len(rows))[:SIZED_IMAGES]
        sizes = np.array([upright_size(rows.images[row]) for row in sorted(chosen.tolist())]).reshape(-1, 2)
    known: Sizes = sizes[(sizes > 0).all(axis=1)].astype(np.float64)
    return known


def _size_charts(sizes: Sizes, noun: Noun) -> list[Markup]:
    positive = sizes[(sizes > 0).all(axis=1)]
    width, height = positive.T
    if noun == BOX:
        return [
            distribution("Side of a box", np.sqrt(width * height), x_label="pixels", noun=noun),
            distribution("Aspect of a box", width / height, x_label="width / height", noun=noun),
        ]
    return [
        distribution("Width", width, x_label="pixels", noun=noun),
        distribution("Height", height, x_label="pixels", noun=noun),
        distribution("Aspect", width / height, x_label="width / height", noun=noun),
    ]
