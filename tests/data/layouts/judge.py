"""Hold what was read of a tree against its truth: read right, refused with a way on, or wrong, or silent."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vistry
from vistry.data.doctor import Diagnosis
from vistry.data.findings import Finding
from vistry.data.table import SPLITS
from vistry.errors import VistryError

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture

READ, REFUSED, MISLED, SILENT, WRONG = "read", "refused", "misled", "silent", "WRONG"
OUTCOMES = (READ, REFUSED, MISLED, SILENT, WRONG)
TASKS = {
    "label": ("image_classification",),
    "labels": ("image_classification_multilabel",),
    "boxes": ("image_object_detection",),
    "masks": ("image_instance_segmentation", "image_object_detection"),
}
# Remarks on a whole data set, or on pictures that are used: they say nothing about items that were left out.
GENERAL = {
    *("class-few", "class-imbalance", "class-single", "class-untrained", "class-unused", "label-similar", "data-small"),
    *("image-small", "image-extension", "image-background", "path-moved", "file-hidden", "file-ignored", "id-gap"),
    *("image-alpha", "image-grey", "image-palette"),
}
# What a refusal may call each format: the name to type, or the name that people know.
NAMES = {
    "folders": ("folders", "folder for each class", "class folders"),
    "voc": ("voc",),
    "coco": ("coco",),
    "yolo": ("yolo", "darknet"),
    "csv": ("csv",),
    "csv boxes": ("csv", "vott", "open images", "automl"),
    "jsonl": ("jsonl", "json lines"),
    "metadata": ("metadata", "imagefolder", "csv", "jsonl", "json lines"),
    "cvat": ("cvat",),
    "labelme": ("labelme",),
    "label studio": ("label studio", "label_studio"),
    "via": ("via",),
    "custom vision": ("custom vision", "custom_vision"),
    "masks": ("mask", "masks"),
    "unread": (),
}
# What else a refusal may give to type.
OPTIONS = re.compile(r"--(images|columns|classes[-_]at)\b")


@dataclass(frozen=True)
class Outcome:
    """What came of one tree: a word of OUTCOMES, and why where it isn't 'read'."""

    word: str
    reason: str = ""


@dataclass(frozen=True)
class Expected:
    """The truth after dirt: the pictures that can be used, and how many items have to be reported.

    `lost`: what is described and can't be used, and where pictures lie that nothing describes, an entry each; so many
    items have to be counted in findings at the least.
    """

    pictures: tuple[Picture, ...]
    lost: tuple[str, ...] = ()


def judge(tree: Tree, expected: Expected, task: str | None) -> Outcome:
    """Read a tree and compare."""
    try:
        diagnosis = vistry.doctor(tree.root / tree.layout.at, task=task)
    except VistryError as error:
        return _refusal(str(error), tree)
    except Exception as error:  # a traceback is what no user should see
        return Outcome(WRONG, f"{type(error).__name__}: {error}")
    if len(diagnosis.table) == 0:
        return _refusal("; ".join(str(finding) for finding in diagnosis.findings), tree)
    return compare(diagnosis, tree, expected)


def _refusal(message: str, tree: Tree) -> Outcome:
    """'refused' where the message has the right reading, 'misled' where it has another, or only says what failed."""
    layout = tree.layout
    others = sum(any(_says(message, name) for name in names) for names in NAMES.values())
    right = any(_says(message, name) for name in (*NAMES[layout.format], *layout.words))
    typed = any(f"--format {name}" in message for name in NAMES[layout.format])
    misleading = "--task multiclass" in message and tree.truth.kind != "label"
    if typed or OPTIONS.search(message) or (right and others <= 3 and not misleading):
        return Outcome(REFUSED, message)
    return Outcome(MISLED, message)


def _says(message: str, name: str) -> bool:
    """Whether a message has a name as a word, not as a file's suffix or a part of a path."""
    return re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", message, re.IGNORECASE) is not None


def compare(diagnosis: Diagnosis, tree: Tree, expected: Expected) -> Outcome:
    """Compare a table with the truth, picture by picture, found by their bytes."""
    if diagnosis.task not in TASKS[tree.truth.kind]:
        return Outcome(WRONG, f"task {diagnosis.task}")
    table = diagnosis.table
    known = {picture.content: picture for picture in expected.pictures}
    rows: dict[int, int] = {}
    for row, image in enumerate(table.images):
        picture = known.get(Path(image).read_bytes())
        if picture is None:
            return Outcome(WRONG, f"a picture that isn't of the set: {image}; classes {table.classes}")
        if picture.number in rows:
            return Outcome(WRONG, f"twice: {image}")
        rows[picture.number] = row
    classes = sorted({label for picture in expected.pictures for label in picture.labels})
    if sorted(map(_plain, table.classes)) != sorted(map(_plain, classes)):
        return Outcome(WRONG, f"classes {table.classes} for {tuple(classes)}")
    for picture in expected.pictures:
        if picture.number in rows and (reason := _differs(diagnosis, rows[picture.number], picture, tree)):
            return Outcome(WRONG, f"{picture.file}: {reason}")
    absent = [picture.file for picture in expected.pictures if picture.number not in rows]
    said = sum(finding.count for finding in _about_items(diagnosis))
    if said < len(absent) + len(expected.lost):
        names = ", ".join([*absent, *expected.lost][:3])
        checks = dict(Counter(finding.check for finding in diagnosis.findings))
        return Outcome(SILENT, f"{len(absent)} missing, {len(expected.lost)} lost ({names}), said of {said}: {checks}")
    if absent:
        return Outcome(MISLED, f"not read, though it is there: {', '.join(absent[:3])} ({len(absent)})")
    return Outcome(READ)


def _about_items(diagnosis: Diagnosis) -> Iterable[Finding]:
    return (finding for finding in diagnosis.findings if finding.check not in GENERAL)


def _differs(diagnosis: Diagnosis, row: int, picture: Picture, tree: Tree) -> str:
    """Why a row isn't what the truth says of its picture; nothing where it is."""
    table = diagnosis.table
    split = SPLITS[table.split[row]] if table.split[row] >= 0 else ""
    # Rows without a split train, so an unassigned row is as good as one of 'train'.
    if (split or "train") != (picture.split or "train"):
        return f"split '{split}' for '{picture.split}'"
    names = [_plain(table.classes[label]) for label in table.labels_of(row)]
    if sorted(names) != sorted(map(_plain, picture.labels)):
        return f"labels {names} for {list(picture.labels)}"
    if table.objects is None:
        return ""
    first = int(table.label_starts[row])
    boxes = {name: table.objects.boxes[first + at].tolist() for at, name in enumerate(names)}
    for thing in picture.things:
        if not np.allclose(boxes[_plain(thing.label)], thing.box, rtol=1e-6, atol=1e-6 * max(picture.size)):
            return f"box {boxes[_plain(thing.label)]} for {list(thing.box)} of '{thing.label}'"
    return ""


def _plain(name: str) -> str:
    """A class name in one normal form, which a file system may have changed."""
    return unicodedata.normalize("NFC", name)
