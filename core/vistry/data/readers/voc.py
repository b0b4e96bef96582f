"""Pascal VOC: an XML file an image with boxes, and for segmentation a picture whose colours number the objects."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.index import folded
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.labels import DETECTION, ClassNames, needs_objects
from vistry.data.readers.listed_splits import ListedSplits
from vistry.data.readers.numbered_masks import VOID, read_numbers
from vistry.data.readers.object_builder import Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_box, parse_pixels
from vistry.data.readers.split_words import split_of_folders
from vistry.data.readers.spread import spread
from vistry.data.readers.stem_pairs import pair_by_stem
from vistry.data.readers.xml_tree import Node, read_xml
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "voc"
SUFFIXES = (".xml",)
CORNERS = ("xmin", "ymin", "xmax", "ymax")
MASKS = "SegmentationObject"
# Folders of pictures that belong to images.
MASK_FOLDERS = (MASKS, "SegmentationClass", "SegmentationObjectVisualization", "SegmentationClassVisualization")
# Files that are looked into before the format is chosen.
SAMPLE = 50
_ROOT = re.compile(rb"<(?![?!])\s*([^\s/>]+)")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_FILENAME = re.compile(rb"<filename>([^<]*)</filename>")


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format: XML files whose root is `<annotation>`, and that their images are there."""
    files = source.files(SUFFIXES)
    sample = [(file, head) for file in spread(files, SAMPLE) if _is_annotation(head := _head(file))]
    if not sample:
        return None
    finder = _finder(source)
    present = sum(bool(_sampled_image(finder, file, head)) for file, head in sample)
    count = len(files) * len(sample) // min(len(files), SAMPLE)
    return Evidence(f"{count} of Pascal VOC's XML files", named=len(sample), present=present, covers=max(1, count))


def read(source: DataSource, task: str) -> Reading:
    """Every XML file with its objects; a bad file costs its image, a bad object that object."""
    needs_objects(task, source.path)
    reader = _Reader(source, task)
    for path in source.files(SUFFIXES):
        reader.read_file(path)
    table = reader.builder.build()
    pictures = frozenset(image for image in source.index.images if _folder(image) in MASK_FOLDERS)
    return Reading(table, (*reader.findings, *reader.remarks()), pictures)


def guess_task(source: DataSource) -> tuple[str, str]:
    """Detection; pictures of the objects beside it are a matter of choice."""
    has_masks = any(_folder(image) == MASKS for image in source.index.images)
    return DETECTION, "XML files with boxes" + (" (and masks: --task segmentation)" if has_masks else "")


def _finder(source: DataSource) -> ImageFinder:
    return ImageFinder(source, without=MASK_FOLDERS, a_file_an_image=True)


def _folder(image: str) -> str:
    """The name of the folder that an image lies in."""
    return image.rpartition("/")[0].rpartition("/")[2]


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4096).replace(b"\0", b"")


def _is_annotation(head: bytes) -> bool:
    """Whether an XML file begins with the element that is Pascal VOC's; CVAT's is `<annotations>`."""
    root = _ROOT.search(_COMMENT.sub(b"", head))
    return root is not None and root[1] == b"annotation"


def _sampled_image(finder: ImageFinder, file: Path, head: bytes) -> str:
    name = _FILENAME.search(head)
    if image := finder.find_stem(file.stem, file):
        return image
    named = name[1].decode(errors="replace").strip() if name else ""
    return named if finder.is_there(named, file) else ""


class _Reader:
    """Adds files to a builder and remembers what was wrong."""

    def __init__(self, source: DataSource, task: str):
        self.findings: list[Finding] = []
        self.builder = ObjectTableBuilder(source.root, NAME, task)
        self._source = source
        self._names = ClassNames(self.builder)
        self._finder = _finder(source)
        self._splits = ListedSplits.of(source.index, "Segmentation" if self.builder.wants_masks else "Main")
        self._own = pair_by_stem(source.files(SUFFIXES), self._finder).images
        self._owned = frozenset(self._own.values())
        self._remarked: dict[str, list[tuple[Path, str]]] = defaultdict(list)

    def read_file(self, path: Path) -> None:
        """Add one file's image and objects."""
        try:
            root = read_xml(path)
            if root.tag == "annotation":
                self._add(path, root)
            elif path == self._source.root / self._source.path.name:
                message = f"the root of the XML is <{root.tag}>, and Pascal VOC's is <annotation>"
                raise FindingError(Finding.of("format-unknown", message, path))
            else:
                self._remarked["file-ignored"].append((path, f"<{root.tag}>"))
        except FindingError as error:
            place = error.finding.file or str(path)
            self.findings.append(replace(error.finding, file=place, line=error.finding.line or 1))

    def remarks(self) -> list[Finding]:
        """The findings that summarise, once all files are read."""
        remarks = self._finder.remarks + self._names.remarks(self._source.path)
        for check, told in self._remarked.items():
            path, what = told[0]
            message = _REMARKS[check].format(count=len(told), file=path.name, what=what)
            remarks.append(Finding.of(check, message, path, count=len(told)))
        return remarks

    def _add(self, path: Path, root: Node) -> None:
        image = self._image(path, root)
        if image is None:
            return
        numbers = None
        if self.builder.wants_masks:
            picture = self._picture(path)
            if picture is None:
                self._remarked["image-unlabelled"].append((path, ""))
                return
            numbers = read_numbers(picture)
        size = root.first("size") or root
        row = self.builder.add_image(
            image,
            self._split(path, image),
            file=self.builder.add_file(path),
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
            self.builder.drop_object(row)
            return
        crowd = node.value("difficult") == "1"
        self.builder.add_object(row, label, ObjectRecord(box, number, crowd=crowd, line=node.line, shape=shape))

    def _image(self, path: Path, root: Node) -> str | None:
        """The image with the file's own name, else the one that it names, if no other file's own name has that.

        A file that was renamed with its image, or copied from a neighbour's, keeps the `<filename>` of the other. An
        absolute `<path>` to an image of its name is that of this machine; those of others are of no use.
        """
        named, whole = root.value("filename"), root.value("path")
        if whole.startswith("/") and Path(whole).name == named and named.startswith(path.stem) and _exists(whole):
            return self._finder.find(whole, path)
        own = self._own.get(path, "")
        if own:
            told = Path(named.replace("\\", "/"))
            if folded(told.name) not in (folded(Path(own).name), folded(path.stem)):
                is_stale = told.stem != path.stem and self._finder.is_there(named, path)
                self._remarked["filename-stale" if is_stale else "image-substituted"].append((path, _told(named)))
            return own
        image = self._finder.find(named or path.stem, path)
        if not Path(image).is_file() or image in self._owned:
            self._remarked["annotation-orphan"].append((path, named or path.stem))
            return None
        return image

    def _split(self, path: Path, image: str) -> int:
        """Of the lists beside the file's folder, else of its folders, else of those of the image."""
        listed = self._splits.of_file(self._relative(path))
        if listed != UNASSIGNED:
            return listed
        for place in (self._relative(path), self._relative(Path(image))):
            split = split_of_folders(place.split("/")[:-1])
            if split != UNASSIGNED and not place.startswith("/"):
                return split
        return UNASSIGNED

    def _relative(self, path: Path) -> str:
        return self._source.relative(path)

    def _picture(self, path: Path) -> Path | None:
        """The picture that numbers the objects: of the file's own name, in the nearest folder for such pictures."""
        for folder in path.parents:
            picture = folder / MASKS / f"{path.stem}.png"
            if picture.is_file():
                return picture
            if folder == self._source.root:
                break
        return None


_REMARKS = {
    "filename-stale": "{count} XML file(s) name another image than their own name does, such as {file}, where {what}; "
    "both are there, and the one of the file's own name is used",
    "image-substituted": "the image that {count} XML file(s) name isn't there, such as {file}, where {what}; the one "
    "of the file's own name is used",
    "annotation-orphan": "{count} XML file(s) without an image, such as {file}, which needs '{what}'",
    "image-unlabelled": "{count} image(s) have no picture in SegmentationObject/ and are left out",
    "file-ignored": "{count} XML file(s) ignored that are no annotations of an image, such as {file} with {what}",
}


def _exists(image: str) -> bool:
    try:
        return Path(image).is_file()
    except (OSError, ValueError):
        return False


def _told(named: str) -> str:
    return f"<filename> is '{named}'" if named else "there is no <filename>"


def _box(node: Node) -> Box:
    corners = node.first("bndbox")
    if corners is None:
        raise FindingError(Finding.of("box-invalid", "the object has no <bndbox>"))
    return parse_box([corners.value(name) for name in CORNERS], ", ".join(CORNERS))


def _shape(numbers: npt.NDArray[np.uint8], number: int) -> Shape:
    if number >= VOID or not np.any(numbers == number):
        raise FindingError(
            Finding.of("mask-missing", f"no pixel of its picture in SegmentationObject/ has the value {number}")
        )
    return Shape(runs=mask_to_runs(numbers == number), height=numbers.shape[0])
