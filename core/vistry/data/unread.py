"""Kinds of annotations that are recognised and not read: what each is called, and what to export instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vistry.data.readers.reader import Evidence
from vistry.data.source import DataSource

# Files of a kind that are looked into, and bytes of each.
SAMPLE, HEAD = 20, 4096
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"


@dataclass(frozen=True)
class UnreadKind:
    """A kind of annotation files by their suffixes and, where text, by what one of their first lines looks like."""

    name: str
    suffixes: tuple[str, ...]
    remedy: str
    line: str = ""
    head: str = ""

    def matches(self, file: Path) -> bool:
        """Whether a file is of this kind, by its first bytes."""
        if not self.line and not self.head:
            return True
        with file.open("rb") as stream:
            text = stream.read(HEAD).decode("utf-8", errors="replace")
        if self.head:
            return re.search(self.head, text) is not None
        lines = [line.strip() for line in text.splitlines()[:3] if line.strip()]
        return any(re.fullmatch(self.line, line) for line in lines)


_BOXES = "convert it to COCO or Pascal VOC"
KINDS = (
    UnreadKind("KITTI's labels", (".txt",), _BOXES, line=rf"[A-Za-z]\S*(?: {_NUMBER}){{14,15}}"),
    UnreadKind("DOTA's labelTxt", (".txt",), "convert it to COCO", line=rf"(?:{_NUMBER} ){{8}}[A-Za-z]\S* [012]"),
    UnreadKind("VisDrone's annotations", (".txt",), _BOXES, line=r"(?:-?\d+,){7}-?\d+,?"),
    UnreadKind("WIDER FACE's list of boxes", (".txt",), _BOXES, head=r"^\S.*\.\w{3,4}\r?\n\d+\r?\n(?:\d+ ){9}\d+"),
    UnreadKind("TFRecord files", (".tfrecord", ".tfrecords", ".record"), "export the images with COCO or Pascal VOC"),
    UnreadKind("Parquet files", (".parquet",), "save the images as files with a metadata.csv"),
    UnreadKind("an LMDB database", (".mdb", ".lmdb"), "save the images as files in a folder for each class"),
    UnreadKind("MATLAB's files", (".mat",), "write the labels as CSV"),
    UnreadKind("HDF5 files", (".h5", ".hdf5"), "save the images as files in a folder for each class"),
    UnreadKind("NumPy's arrays", (".npz", ".npy"), "save the images as files in a folder for each class"),
    UnreadKind("COCO's panoptic JSON", (".json",), "use the instances file", head=r'"segments_info"'),
    UnreadKind("Labelbox's export", (".json", ".ndjson"), "export COCO", head=r'"data_row"'),
    UnreadKind("an archive", (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"), "unpack it and name the folder"),
)


def unread_kinds(source: DataSource) -> Iterator[tuple[str, Evidence]]:
    """(name, evidence against reading) of each kind that a sample of the files shows."""
    for kind in KINDS:
        files = source.files(kind.suffixes)
        step = max(1, len(files) // SAMPLE)
        sample = list(islice(files[::step], SAMPLE))
        matching = [file for file in sample if kind.matches(file)]
        if matching:
            count = len(files) * len(matching) // len(sample)
            summary = f"{count or 1} {kind.suffixes[0]} file(s), such as {source.relative(matching[0])}"
            reason = "Vistry doesn't read this format"
            yield kind.name, Evidence(summary, covers=count, against=reason, remedy=kind.remedy)
