"""YOLO: a text file an image, a line an object: class number, then a box or a polygon as fractions of the image."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.readers.annotation_files import split_of_word
from vistry.data.readers.class_numbers import numbers_from_one
from vistry.data.readers.json_text import check_encoding
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import DETECTION, SEGMENTATION, ClassNames, needs_objects
from vistry.data.readers.locations import Locator, is_inside
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Reading
from vistry.data.readers.shapes import parse_box, parse_rings
from vistry.data.table import SPLITS, UNASSIGNED

NAME = "yolo"
SUFFIXES = (".yaml", ".yml")
BOX_COLUMNS = 5
CLASS_FILES = ("classes.txt", "obj.names")
# Files to look at before the format or the task is guessed.
GUESS_FILES = 50


@dataclass(frozen=True)
class Layout:
    """A data set: its folder, class names by number (empty: the numbers are the names), and images by split."""

    root: Path
    names: dict[int, str]
    images: tuple[tuple[int, Path], ...]


def fits(path: Path) -> bool:
    """Whether there is a YAML file with names and train, or images with a text file of numbers each."""
    if path.is_file():
        return path.suffix.lower() in SUFFIXES and _is_description(path)
    return _description(path) is not None or any(_looks_like_labels(file) for file in _some_labels(path))


def read(path: Path, task: str) -> Reading:
    """Every image with its objects; a bad line costs that line only. An image without a text file has no objects."""
    needs_objects(task, path)
    layout = _layout(path)
    builder = ObjectTableBuilder(layout.root, NAME, task, normalised=True)
    reader = _Reader(builder, layout)
    for split, image in layout.images:
        reader.add(image, split)
    reader.remark_orphans()
    reader.findings += numbers_from_one(reader.class_numbers, layout.names, path)
    table = builder.build()
    return Reading(table, (*reader.findings, *builder.unused_classes(table, path)))


def guess_task(path: Path) -> tuple[str, str]:
    """Segmentation where one of the first lines has more than a box, else detection."""
    for _, image in _layout(path).images[:GUESS_FILES]:
        label = label_file(image)
        if label.is_file() and any(len(line.split()) > BOX_COLUMNS + 1 for line in _lines(label)):
            return SEGMENTATION, "lines with polygons"
    return DETECTION, "lines with boxes"


def label_file(image: Path) -> Path:
    """Where the objects of an image stand: labels/ in place of the last images/ of its path, else beside it."""
    parts = list(image.parts)
    for at in range(len(parts) - 2, 0, -1):
        if parts[at] == "images":
            beside = Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")
            return beside if beside.parent.is_dir() else image.with_suffix(".txt")
    return image.with_suffix(".txt")


class _Reader:
    """Adds images to a builder and remembers what was wrong."""

    def __init__(self, builder: ObjectTableBuilder, layout: Layout):
        self.findings: list[Finding] = []
        self._builder = builder
        self._layout = layout
        self._classes = ClassNames(builder)
        self._locator = Locator(builder.root)
        self._label_files: set[Path] = set()
        self.class_numbers: set[int] = set()
        for name in layout.names.values():
            self._classes.one(name)

    def add(self, image: Path, split: int) -> None:
        """Add an image and the lines of its text file."""
        path = label_file(image)
        self._label_files.add(path)
        try:
            place = self._locator.locate(os.path.relpath(image, self._layout.root))
            lines = _lines(path) if path.is_file() else None
        except FindingError as error:
            self.findings.append(replace(error.finding, file=error.finding.file or str(image)))
            return
        if lines is None:
            self._builder.add_image(place, split)
            return
        row = self._builder.add_image(place, split, self._builder.add_file(path), 1)
        for number, line in enumerate(lines, start=1):
            if words := line.split():
                self._add_line(row, words, path, number=number)

    def _add_line(self, row: int, words: Sequence[str], path: Path, number: int) -> None:
        try:
            label = self._label(words[0])
            box, shape = _geometry(words[1:])
        except FindingError as error:
            self.findings.append(replace(error.finding, file=str(path), line=number))
            self._builder.drop_object(row)
            return
        self._builder.add_object(row, label, ObjectRecord(box, number, line=number, shape=shape))

    def _label(self, word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            raise FindingError(Finding.of("object-invalid", f"invalid class number '{word}'")) from None
        self.class_numbers.add(number)
        names = self._layout.names
        if names and number not in names:
            message = f"class {number} is not among the {len(names)} names, which go to {max(names)}"
            raise FindingError(Finding.of("class-unknown", message))
        return self._classes.one(names.get(number, str(number)))[0]

    def remark_orphans(self) -> None:
        """A finding for every text file with objects whose image isn't there."""
        for folder in sorted({path.parent for path in self._label_files}):
            if folder.name == "labels" or "labels" in folder.parts:
                for path in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
                    if path not in self._label_files and path.name not in CLASS_FILES:
                        self.findings.append(Finding.of("object-orphan", "there is no image of this name", path))
        self.findings += self._locator.remarks + self._classes.remarks(self._layout.root)


def _geometry(words: Sequence[str]) -> tuple[Box, Shape | None]:
    """The box, and the polygon where there are more numbers than a box has."""
    if len(words) == BOX_COLUMNS - 1:
        x, y, width, height = parse_box(words, "x, y, width, height")
        return (x - width / 2, y - height / 2, x + width / 2, y + height / 2), None
    if len(words) < BOX_COLUMNS - 1:
        message = f"expected 4 numbers (a box) or at least 6 (a polygon) after the class, got {len(words)}"
        raise FindingError(Finding.of("box-invalid", message))
    try:
        ring = [float(word) for word in words]
    except ValueError as error:
        raise FindingError(Finding.of("polygon-invalid", str(error))) from None
    rings, faults = parse_rings([ring])
    if faults:
        raise FindingError(faults[0])
    shape = Shape(rings)
    return shape.box(), shape


def _lines(path: Path) -> list[str]:
    check_encoding(path)
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FindingError(Finding.of("file-encoding", f"not UTF-8 at byte {error.start + 1}", path)) from error


def _layout(path: Path) -> Layout:
    description = path if path.is_file() else _description(path)
    if description is not None:
        return _described(description)
    root = path.resolve()
    names = next((file for name in CLASS_FILES if (file := root / name).is_file()), None)
    classes = [] if names is None else [line.strip() for line in _lines(names) if line.strip()]
    images = tuple(image for split, folder in _image_folders(root) for image in _images_in(folder, split))
    return Layout(root, dict(enumerate(classes)), images)


def _image_folders(root: Path) -> list[tuple[int, Path]]:
    """(split, folder): images/ or train/images/ or images/train/, else the folder itself."""
    folders = []
    for top in (root, root / "images"):
        for folder in sorted(top.iterdir()) if top.is_dir() else ():
            split = split_of_word(folder.name)
            if folder.is_dir() and split != UNASSIGNED:
                folders.append((split, folder / "images" if (folder / "images").is_dir() else folder))
    return folders or [(UNASSIGNED, root / "images" if (root / "images").is_dir() else root)]


def _images_in(folder: Path, split: int) -> Iterator[tuple[int, Path]]:
    for image in sorted(folder.rglob("*")):
        if image.suffix.lower() in IMAGE_SUFFIXES and not image.name.startswith("."):
            yield split, image


def _described(path: Path) -> Layout:
    """The data set that a YAML file describes. Raises FindingError where it contradicts itself."""
    content = _yaml(path)
    names = _class_names(content.get("names"), path)
    count = content.get("nc", len(names))
    if count != len(names):
        message = f"nc is {count!r:.20}, but names lists {len(names)}: {', '.join(list(names.values())[:5])}"
        raise FindingError(Finding.of("class-names", message, path))
    root = path.parent.resolve()
    images: list[tuple[int, Path]] = []
    for key in content:
        split = split_of_word(str(key))
        if split != UNASSIGNED and content[key]:
            for place in content[key] if isinstance(content[key], list) else [content[key]]:
                images += _images_at(root, content.get("path"), place=str(place), split=split, path=path)
    return Layout(root, names, tuple(images))


def _images_at(root: Path, base: Json, place: str, split: int, path: Path) -> list[tuple[int, Path]]:
    """The images of a folder or of a list in a text file, tried with and without the `path` and leading '../'."""
    parts = [part for part in Path(place).parts if part not in ("..", ".", "/")]
    bases = [root / str(base)] if base else []
    candidates = [folder / place for folder in (*bases, root)]
    candidates += [root.joinpath(*parts[start:]) for start in range(len(parts))]
    for candidate in candidates:
        target = Path(os.path.normpath(candidate))
        if is_inside(str(target), str(root)) and target.is_dir():
            return list(_images_in(target, split))
        if is_inside(str(target), str(root)) and target.is_file():
            return [(split, _listed(root, target, line)) for line in _lines(target) if line.strip()]
    message = f"'{place}' of {SPLITS[split]} is neither a folder nor a list of images below {root}"
    raise FindingError(Finding.of("data-missing", message, path))


def _listed(root: Path, listing: Path, line: str) -> Path:
    name = line.strip().removeprefix("./")
    beside = listing.parent / name
    return beside if beside.exists() else root / name


def _class_names(value: Json, path: Path) -> dict[int, str]:
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value or any(type(number) is not int for number in value):
        message = f"'names' is {value!r:.60}, not a list of class names or names by number"
        raise FindingError(Finding.of("class-names", message, path))
    return {number: str(name) for number, name in value.items()}


def _yaml(path: Path) -> dict[str, Json]:
    import yaml

    check_encoding(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise FindingError(Finding.of("line-invalid", f"not YAML: {error!s:.80}", path, line=line)) from error
    if not isinstance(content, dict):
        raise FindingError(Finding.of("class-names", "the file names no classes", path))
    return content


def _description(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    return next((file for file in files if _is_description(file)), None)


def _is_description(path: Path) -> bool:
    text = path.read_bytes().replace(b"\0", b"")
    return b"names" in text and (b"train" in text or b"val" in text)


def _some_labels(path: Path) -> Iterator[Path]:
    yield from islice(sorted((path / "labels").glob("*.txt")), GUESS_FILES)
    for _, folder in _image_folders(path):
        for number, (_, image) in enumerate(_images_in(folder, UNASSIGNED) if folder.is_dir() else ()):
            if number == GUESS_FILES:
                break
            yield label_file(image)


def _looks_like_labels(path: Path) -> bool:
    """Whether a text file has lines of a class number and four and more numbers."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        words = stream.readline(4096).split()
    try:
        return len(words) >= BOX_COLUMNS and int(words[0]) >= 0 and all(float(word) <= 1.5 for word in words[1:])
    except ValueError:
        return False
