"""Which JSON files of a data set are COCO's, what each holds, and the names of some of its images, from samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vistry.data.findings import Finding
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.source import DataSource

SUFFIXES = (".json",)
KEYS = (b'"images"', b'"annotations"', b'"categories"')
# Keys of other formats whose files have some of COCO's.
OTHERS = (b'"shapes"', b'"_via_img_metadata"', b'"items"')
# How much of a file's beginning and end is searched for KEYS: lists of a gigabyte lie between them.
ENDS = 1 << 16
# A file up to this size is searched for the names of all its images.
WHOLE = 1 << 25
# Looks into the middle of a larger one, and how far each goes.
LOOKS, LOOK = 16, 1 << 14
# The largest JSON files are looked into: a format with a file an image has a hundred thousand small ones.
MOST = 60
# Names that are kept, as a sample.
MOST_NAMES = 400
_NAME = re.compile(rb'"(?:file_name|coco_url)"\s*:\s*("(?:[^"\\]|\\.)*")')

OBJECTS, KEYPOINTS, PANOPTIC, CAPTIONS, IMAGES = "objects", "keypoints", "panoptic", "captions", "images"
_HELD = {
    KEYPOINTS: "boxes with key points",
    PANOPTIC: "panoptic segments, whose masks are pictures",
    CAPTIONS: "captions and no objects",
    IMAGES: "a list of images and no annotations",
}
_REMEDIES = {
    PANOPTIC: "export instances with boxes or polygons, or convert the file with panopticapi's "
    "panoptic2detection_coco_format.py",
    CAPTIONS: "name the file of the set with objects, such as instances_*.json",
    IMAGES: "name the file of the set with annotations, such as instances_*.json",
}


@dataclass(frozen=True)
class CocoFile:
    """A file, what it holds, a sample of its images' names, and about how many images it describes."""

    file: AnnotationFile
    kind: str
    names: tuple[str, ...]
    covers: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.file.path


@dataclass(frozen=True)
class CocoFiles:
    """The files with objects, those of a known split first, and the others that are COCO's, which aren't read."""

    read: tuple[CocoFile, ...]
    others: tuple[CocoFile, ...]

    @classmethod
    def of(cls, source: DataSource) -> CocoFiles:
        """Look into the files of a data set. A file that the user names by itself has no split."""
        files = source.annotation_files(SUFFIXES)
        if not source.path.is_dir():
            files = [AnnotationFile(file.path) for file in files]
        if len(files) > MOST:
            files = sorted(files, key=lambda file: -file.path.stat().st_size)[:MOST]
        every = [coco for file in sorted(files, key=lambda file: str(file.path)) if (coco := _look_into(file))]
        objects = _preferred([coco for coco in every if coco.kind == OBJECTS])
        read = objects or [coco for coco in every if coco.kind == KEYPOINTS]
        others = [coco for coco in every if coco not in read]
        return cls(tuple(sorted(read, key=lambda coco: coco.file.split < 0)), tuple(others))

    @property
    def refusal(self) -> tuple[str, str]:
        """Why none can be read, and what to do; empty where some can, or there are none."""
        if self.read or not self.others:
            return "", ""
        other = min(self.others, key=lambda other: list(_HELD).index(other.kind))
        return f"{other.path.name} holds {_HELD[other.kind]}", _REMEDIES[other.kind]

    def remarks(self) -> Iterator[Finding]:
        """A finding about files that aren't read beside others that are."""
        told = [f"{other.path.name} ({_HELD.get(other.kind, 'objects')})" for other in self.others]
        if told:
            message = f"{len(told)} COCO file(s) not read beside those of instances: {', '.join(told[:3])}"
            yield Finding.of("format-chosen", message, self.others[0].path, count=len(told))


def _preferred(files: list[CocoFile]) -> list[CocoFile]:
    """Those called instances_*, COCO's own name, where there are such beside others in a folder."""
    folders = {coco.path.parent for coco in files if coco.path.name.startswith("instances_")}
    return [coco for coco in files if coco.path.name.startswith("instances_") or coco.path.parent not in folders]


def _look_into(file: AnnotationFile) -> CocoFile | None:
    """What a file is by two of COCO's keys near its ends, or None."""
    size = file.path.stat().st_size
    with file.path.open("rb") as stream:
        ends = stream.read(ENDS)
        if size > ENDS:
            stream.seek(max(ENDS, size - ENDS))
            ends += stream.read()
        ends = ends.replace(b"\0", b"")
        held = sum(key in ends for key in KEYS)
        if held < 2 or any(key in ends for key in OTHERS) or (size <= ENDS and KEYS[0] not in ends):
            return None
        text = _read_all(stream) if size <= WHOLE else ends + b"".join(_looks(stream, size))
    names = _NAME.findall(text)
    covers = len(names) * max(1, size // max(1, len(text)))
    kind = _kind(text, is_whole=size <= WHOLE)
    return CocoFile(file, kind, tuple(dict.fromkeys(map(path_of_url, _texts(names[:MOST_NAMES])))), covers=covers)


def _read_all(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()


def _looks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    for number in range(1, LOOKS + 1):
        stream.seek(size * number // (LOOKS + 1))
        yield stream.read(LOOK) + b"\n"


def _kind(text: bytes, is_whole: bool) -> str:
    if b'"segments_info"' in text:
        return PANOPTIC
    if b'"caption"' in text and b'"category_id"' not in text:
        return CAPTIONS
    if b'"num_keypoints"' in text or (b'"keypoints"' in text and b'"skeleton"' in text):
        return KEYPOINTS
    if KEYS[1] not in text and is_whole:
        return IMAGES
    return OBJECTS


def _texts(names: Iterable[bytes]) -> Iterator[str]:
    for quoted in names:
        try:
            yield json.loads(quoted)
        except ValueError:
            continue


def path_of_url(name: str) -> str:
    """The last two parts of an address, such as LVIS gives in place of a name; another name as it is."""
    if name.startswith(("http://", "https://")):
        return "/".join(name.partition("?")[0].rstrip("/").split("/")[-2:])
    return name
