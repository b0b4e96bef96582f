"""Pascal VOC: an XML file an image with boxes, and for segmentation a picture whose colours number the objects."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import HEAD_BYTES, IMAGE_SUFFIXES, decoding_finding, open_image
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.annotation_files import split_of_word
from vistry.data.readers.labels import DETECTION, ClassNames, needs_objects
from vistry.data.readers.locations import Locator
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_box, parse_pixels
from vistry.data.readers.xml_tree import Node, read_xml
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "voc"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
# The palette index of the borders between objects, which belong to none.
VOID = 255
IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format."""
    return Evidence("Pascal VOC's XML files") if _fits(source.path) else None


def _fits(path: Path) -> bool:
    """Whether an XML file in the folder, in its Annotations/ or a folder down is one of annotations."""
    return path.is_dir() and any(_is_annotation(file) for folder in _bases(path) for file in _xml_files(folder)[:3])


def read(source: DataSource, task: str) -> Reading:
    """Every XML file with its objects; a bad file costs its image, a bad object that object."""
    path = source.path
    needs_objects(task, path)
    builder = ObjectTableBuilder((path if path.is_dir() else path.parent).resolve(), NAME, task)
    reader = _Reader(builder)
    if path.is_file():
        reader.read_file(path, path.parent, UNASSIGNED)
    for base in _bases(path) if path.is_dir() else ():
        reader.read_base(base)
    findings = reader.findings + reader.remarks(path)
    return Reading(builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:
    """Detection; pictures of the objects beside it are a matter of choice."""
    path = source.path
    has_masks = path.is_dir() and any((base / "SegmentationObject").is_dir() for base in _bases(path))
    return DETECTION, "XML files with boxes" + (" (and masks: --task segmentation)" if has_masks else "")


def _bases(path: Path) -> list[Path]:
    """The folder, if it holds annotations, else those in it that do."""
    if _xml_files(path):
        return [path]
    return [folder for folder in sorted(path.iterdir()) if folder.is_dir() and _xml_files(folder)]


def _xml_files(base: Path) -> list[Path]:
    folder = base / "Annotations" if (base / "Annotations").is_dir() else base
    return sorted(file for file in folder.glob("*.xml") if not file.name.startswith("."))


def _is_annotation(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"<annotation" in stream.read(4096).replace(b"\0", b"")


class _Reader:
    """Adds files to a builder and remembers what was wrong."""

    def __init__(self, builder: ObjectTableBuilder):
        self.findings: list[Finding] = []
        self._builder = builder
        self._names = ClassNames(builder)
        self._locator = Locator(builder.root)
        self._unmasked: list[Path] = []

    def read_base(self, base: Path) -> None:
        """Add every file of a folder; ImageSets says the splits, else the folder's own name."""
        kind = "Segmentation" if self._builder.wants_masks else "Main"
        splits = _splits(base / "ImageSets" / kind) or _splits(base / "ImageSets" / "Main")
        for path in _xml_files(base):
            self.read_file(path, base, splits.get(path.stem, split_of_word(base.name)))

    def read_file(self, path: Path, base: Path, split: int) -> None:
        """Add one file's image and objects."""
        try:
            self._add(path, base, split)
        except FindingError as error:
            place = error.finding.file or str(path)
            self.findings.append(replace(error.finding, file=place, line=error.finding.line or 1))

    def remarks(self, path: Path) -> list[Finding]:
        """The findings that summarise, once all files are read."""
        remarks = self._locator.remarks + self._names.remarks(path)
        if self._unmasked:
            message = f"{len(self._unmasked)} image(s) have no picture in SegmentationObject/ and are left out"
            remarks.append(Finding.of("image-unlabelled", message, self._unmasked[0], count=len(self._unmasked)))
        return remarks

    def _add(self, path: Path, base: Path, split: int) -> None:
        numbers = None
        if self._builder.wants_masks:
            picture = base / "SegmentationObject" / f"{path.stem}.png"
            if not picture.is_file():
                self._unmasked.append(path)
                return
            numbers = _numbers(picture)
        root = read_xml(path)
        image = self._image(path, base, root)
        size = root.first("size") or root
        row = self._builder.add_image(
            image,
            split,
            file=self._builder.add_file(path),
            line=root.line,
            size=(parse_pixels(size.value("width")), parse_pixels(size.value("height"))),
        )
        for number, node in enumerate(root.all("object"), start=1):
            self._add_object(row, number, node=node, path=path, numbers=numbers)

    def _add_object(self, row: int, number: int, node: Node, path: Path, numbers: npt.NDArray[np.uint8] | None) -> None:
        try:
            name = node.first("name")
            if name is None:
                raise FindingError(Finding.of("object-invalid", "the object has no <name>"))
            (label,) = self._names.one(name.text)
            shape = None if numbers is None else _shape(numbers, number)
            box = _box(node)
        except FindingError as error:
            message = f"object {number}: {error.finding.message}"
            self.findings.append(replace(error.finding, reason=message, file=str(path), line=node.line))
            self._builder.drop_object(row)
            return
        crowd = node.value("difficult") == "1"
        self._builder.add_object(row, label, ObjectRecord(box, number, crowd=crowd, line=node.line, shape=shape))

    def _image(self, path: Path, base: Path, root: Node) -> str:
        """The image named, else one with the XML file's own name."""
        named = root.value("filename")
        folders = [folder for folder in dict.fromkeys(base / name for name in IMAGE_FOLDERS) if folder.is_dir()]
        for folder in folders if named else ():
            image = self._locator.locate(self._relative(folder / named))
            if Path(image).is_file():
                return image
        for folder in folders:
            for suffix in sorted(IMAGE_SUFFIXES):
                image_path = folder / f"{path.stem}{suffix}"
                if image_path.is_file():
                    self._remark_substitute(path, named, image_path)
                    return self._locator.locate(self._relative(image_path))
        return self._locator.locate(self._relative(folders[0] / (named or f"{path.stem}.jpg")))

    def _relative(self, path: Path) -> str:
        """The path below the data folder, as a relative one, so that leaving the folder is noticed."""
        return str(path.absolute()).removeprefix(f"{self._builder.root}/").removeprefix("./")

    def _remark_substitute(self, path: Path, named: str, image: Path) -> None:
        if named != image.name:
            message = (
                f"'{named}' isn't there; {image.name} is used" if named else f"no <filename>; {image.name} is used"
            )
            self.findings.append(Finding.of("image-substituted", message, path))


def _box(node: Node) -> Box:
    corners = node.first("bndbox")
    if corners is None:
        raise FindingError(Finding.of("box-invalid", "the object has no <bndbox>"))
    return parse_box([corners.value(name) for name in CORNERS], ", ".join(CORNERS))


def _splits(folder: Path) -> dict[str, int]:
    """The split of each image that train.txt, val.txt and test.txt list."""
    splits: dict[str, int] = {}
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        split = split_of_word(path.stem)
        if split != UNASSIGNED:
            splits |= dict.fromkeys(_listed(path), split)
    return splits


def _listed(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if words := line.split():
            yield words[0]


def _numbers(path: Path) -> npt.NDArray[np.uint8]:
    """[H, W] the number of the object that each pixel belongs to, by its place in the palette."""
    data = path.read_bytes()
    image = open_image(io.BytesIO(data), data[:HEAD_BYTES], str(path))
    if image.mode not in ("P", "L"):
        message = f"expected a palette image whose indices number the objects, got the mode {image.mode}"
        raise FindingError(Finding.of("mask-invalid", message, path))
    try:
        return np.asarray(image)
    except Exception as error:
        raise FindingError(decoding_finding(error, str(path), image.format or "image")) from error


def _shape(numbers: npt.NDArray[np.uint8], number: int) -> Shape:
    if number >= VOID or not np.any(numbers == number):
        raise FindingError(
            Finding.of("mask-missing", f"no pixel of its picture in SegmentationObject/ has the value {number}")
        )
    return Shape(runs=mask_to_runs(numbers == number), height=numbers.shape[0])
