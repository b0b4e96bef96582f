"""Check the labels of a row against the task, and turn them into class ids."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json
from vistry.data.readers.locations import is_unicode
from vistry.data.readers.table_builder import TableBuilder
from vistry.errors import DataError
from vistry.registry.tasks import DETECTION as DETECTION
from vistry.registry.tasks import MULTICLASS as MULTICLASS
from vistry.registry.tasks import MULTILABEL as MULTILABEL
from vistry.registry.tasks import OBJECT_TASKS as OBJECT_TASKS
from vistry.registry.tasks import SEGMENTATION as SEGMENTATION

WHOLE_IMAGES = "use --task multiclass or --task multilabel"
AS_OBJECTS = "describe the objects as JSON Lines, COCO, Pascal VOC or YOLO"

ReadLabel = Callable[[Json], list[int]]


def label_reader(task: str, names: ClassNames) -> ReadLabel:
    """The function that turns a row's label into class ids for a task that classifies. Raises DataError for others."""
    if task == MULTICLASS:
        return names.one
    if task == MULTILABEL:
        return names.several
    raise DataError(f"image-level labels can't be used for {task}, which needs boxes or masks")


def needs_objects(task: str, path: Path) -> None:
    """Raise FindingError for a task that classifies whole images, from a reader of boxes and masks."""
    if task in (MULTICLASS, MULTILABEL):
        message = f"the labels are boxes or masks, but {task} classifies whole images"
        remedy = "use --task detection or --task segmentation, or describe the labels in a JSON Lines or CSV file"
        raise FindingError(Finding.of("task-mismatch", message, path).advising(remedy))


def needs_whole_images(task: str, path: Path) -> None:
    """Raise FindingError for a task that finds objects, from a reader of labels for whole images."""
    if task in OBJECT_TASKS:
        message = f"image-level labels can't be used for {task}, which needs boxes or masks"
        raise FindingError(Finding.of("task-mismatch", message, path).advising(f"{WHOLE_IMAGES}, or {AS_OBJECTS}"))


def task_of_label(label: Json) -> tuple[str, str]:
    """The full name of the task that a label of this kind belongs to, and the reason."""
    if not isinstance(label, list):
        return MULTICLASS, "one label an image"
    if label and isinstance(label[0], dict):
        if "polygon" in label[0] or "rle" in label[0]:
            return SEGMENTATION, "labels with polygons"
        return DETECTION, "labels with boxes"
    return MULTILABEL, "a list of labels an image"


def class_name(label: str) -> str:
    """The name of a class as it is kept: without spaces around it, in Unicode's composed normal form."""
    return unicodedata.normalize("NFC", label.strip())


class ClassNames:
    """Class ids by label: all labels text or all of them integers, spaces around them removed.

    Texts that look the same are one class, whose name is in Unicode's composed normal form, NFC: file systems and
    programs differ in how they write an accented letter.
    """

    def __init__(self, builder: TableBuilder):
        self.spaced: list[str] = []
        self._builder = builder
        self._texts: dict[str, int] = {}
        self._forms: dict[str, set[str]] = {}
        self._numbers: dict[int, int] = {}

    def one(self, label: Json) -> list[int]:
        """The class of a multi-class row."""
        if isinstance(label, list):
            raise FindingError(_list_for_one(label))
        return [self._id(label)]

    def check(self, label: Json) -> None:
        """Raise FindingError for what can't be a class's name, as `one` does, without adding a class."""
        if type(label) is str and label.strip() and is_unicode(label):
            if label != label.strip():
                self.spaced.append(label)
            self._forms.setdefault(class_name(label), set()).add(label.strip())
            return
        if type(label) is str or isinstance(label, list | float | bool | dict | None):
            self.one(label)

    def several(self, label: Json) -> list[int]:
        """The classes of a multi-label row, each once; an empty list is an image with none."""
        if not isinstance(label, list):
            message = f"the label is {_kind(label)}, but {MULTILABEL} takes a list of labels for each image"
            remedy = "use --task multiclass for one label an image, or write a list"
            raise FindingError(Finding.of("task-mismatch", message).advising(remedy))
        if label and isinstance(label[0], dict):
            raise FindingError(_list_for_one(label))
        return list(dict.fromkeys(self._id(item) for item in label))

    def _id(self, label: Json) -> int:
        kind = type(label)
        if kind is str:
            class_id = self._texts.get(label)
            return self._new_text(label) if class_id is None else class_id
        if kind is int:
            class_id = self._numbers.get(label)
            return self._new_number(label) if class_id is None else class_id
        raise FindingError(Finding.of("label-invalid", f"the label is {_kind(label)}, not text or an integer"))

    def _new_text(self, label: str) -> int:
        text = label.strip()
        name = class_name(label)
        if not is_unicode(name):
            raise FindingError(Finding.of("name-encoding", f"the label {name!r} is not valid Unicode"))
        if not name:
            raise FindingError(Finding.of("label-empty", "the label is empty"))
        if self._numbers:
            raise FindingError(_mixed(f"'{name}'", "text", str(next(iter(self._numbers)))))
        if text != label:
            self.spaced.append(label)
        self._forms.setdefault(name, set()).add(text)
        self._texts[label] = self._builder.class_id(name)
        return self._texts[label]

    def _new_number(self, label: int) -> int:
        if self._texts:
            raise FindingError(_mixed(str(label), "a number", f"'{next(iter(self._texts))}'"))
        self._numbers[label] = self._builder.class_id(str(label))
        return self._numbers[label]

    def remarks(self, file: Path) -> list[Finding]:
        """The findings about the labels' spelling, once all are read."""
        return [*self._remarks_on_spaces(file), *self._remarks_on_forms(file)]

    def _remarks_on_forms(self, file: Path) -> list[Finding]:
        several = sorted(name for name, forms in self._forms.items() if len(forms) > 1)
        if not several:
            return []
        names = ", ".join(f"'{name}'" for name in several[:5]) + (", ..." if len(several) > 5 else "")
        message = f"{len(several)} class name(s) are written in several normal forms of Unicode: {names}"
        return [Finding.of("label-forms", message, file, count=len(several))]

    def _remarks_on_spaces(self, file: Path) -> list[Finding]:
        if not self.spaced:
            return []
        examples = ", ".join(repr(label) for label in self.spaced[:5])
        message = f"spaces around {len(self.spaced)} label(s) were removed: {examples}"
        return [Finding.of("label-spaces", message, file, count=len(self.spaced))]


def _kind(label: Json) -> str:
    names = {bool: "true or false", type(None): "null", float: "a decimal number", dict: "an object", str: "text"}
    return names.get(type(label), "an integer" if isinstance(label, int) else "a list")


def _list_for_one(label: list[Json]) -> Finding:
    if label and isinstance(label[0], dict):
        message = "the label is a list of boxes or polygons, but this task classifies whole images"
        remedy = "use --task detection or --task segmentation, or write class names as labels"
    else:
        message = f"the label is a list, but {MULTICLASS} takes one label for each image"
        remedy = "use --task multilabel for several labels an image, or write one label"
    return Finding.of("task-mismatch", message).advising(remedy)


def _mixed(label: str, kind: str, other: str) -> Finding:
    message = f"the label {label} is {kind}, but an earlier one, {other}, is not; one data set holds one kind"
    return Finding.of("label-types-mixed", message)
