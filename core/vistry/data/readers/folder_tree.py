"""What the folders of a data set stand for: its splits, its classes, or something else.

"A folder for each class" can be read into any tree, so it is read only where the tree leaves no other sense: words for
splits may stand at one level above or below the classes, and a folder with a single one in it is a container.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vistry.data.index import FolderIndex
from vistry.data.readers.split_words import is_unlabelled, split_of_folders, split_of_word, splits_of_siblings, words_of
from vistry.data.table import SPLITS, UNASSIGNED

# Words of folders that hold things and are no class.
_CONTAINERS = frozenset(
    (
        *("image", "images", "img", "imgs", "jpeg", "jpegs", "jpegimages", "jpgs", "pngs", "pic", "pics", "picture"),
        *("pictures", "photo", "photos", "frames", "data", "dataset", "datasets", "sample", "samples", "example"),
        *("examples", "demo", "doc", "docs", "figure", "figures", "preview", "previews", "thumbnail", "thumbnails"),
        *("thumbs", "assets", "misc", "backup", "output", "outputs", "result", "results", "tmp", "archive"),
        *("mask", "masks", "label", "labels", "annotation", "annotations", "annots", "gt", "truth", "ground"),
        *("groundtruth", "segmentation", "segmentations", "segmentationclass", "segmentationobject", "raw", "all"),
        *("set", "sets", "files", "folder"),
    )
)

# Files that are likely to say more about images than one folder's name.
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xml", ".xls", ".xlsx")


class ClassFolder(NamedTuple):
    """A folder, relative to the data folder, all of whose images are of one class, and its split."""

    path: str
    label: str
    split: int = UNASSIGNED


@dataclass
class Layout:
    """The class folders, the folders that were passed over beside them, and where images lie outside of all classes.

    `against`: why the tree isn't one of class folders; `readings`: what could be typed, each with its sense.
    """

    classes: list[ClassFolder] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    against: str = ""
    readings: tuple[str, ...] = ()


@dataclass
class _Folder:
    """A folder with the images in it itself, and the folders in it that have images below them."""

    path: str
    images: int = 0
    folders: dict[str, _Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def level(self) -> int:
        """How deep it lies, 1 for a folder in the data folder."""
        return self.path.count("/") + 1

    @property
    def total(self) -> int:
        return self.images + sum(folder.total for folder in self.folders.values())


class _RefusedError(Exception):
    """The tree has another sense, or several: the reason, and the levels at which classes may be."""

    def __init__(self, reason: str, levels: Sequence[int] = ()):
        super().__init__(reason)
        self.levels = tuple(levels)


def layout_at(index: FolderIndex, level: int) -> Layout:
    """The layout whose classes are the folders at a level, from 1; folders above and below may name splits."""
    layout = Layout()
    for folder in index.images_in:
        parts = folder.split("/") if folder else []
        if len(parts) < level:
            layout.unlabelled.append(folder)
            continue
        split = split_of_folders(parts[: level - 1] + parts[level:])
        layout.classes.append(ClassFolder(folder, parts[level - 1], split))
    return layout


def layout_of(index: FolderIndex, *, named: bool = False) -> Layout:
    """The layout that the tree has, or one with a reason `against` it.

    `named`: the user says that folders are classes, so words for containers are classes, too.
    """
    layout = Layout()
    try:
        _read(_tree(index), UNASSIGNED, layout, named=named)
        _check(layout, index, named)
    except _RefusedError as refusal:
        return Layout(against=str(refusal), readings=tuple(_reading(index, level) for level in refusal.levels))
    return layout


def _reading(index: FolderIndex, level: int) -> str:
    """What to type for the classes at a level, and what they would be."""
    labels = {one.label for one in layout_at(index, level).classes}
    return f"--format folders --classes-at {level} ({len(labels)} classes: {_names(labels)})"


def _tree(index: FolderIndex) -> _Folder:
    root = _Folder("")
    for path, count in index.images_in.items():
        folder = root
        for part in path.split("/") if path else ():
            inner = f"{folder.path}/{part}" if folder.path else part
            folder = folder.folders.setdefault(part, _Folder(inner))
        folder.images = count
    return root


def _read(folder: _Folder, split: int, layout: Layout, *, named: bool) -> None:
    """Add what the folders in a folder stand for to a layout."""
    inner = list(folder.folders.values())
    if folder.images:
        layout.unlabelled.append(folder.path)
    splits = splits_of_siblings(folder.folders)
    words = [one for one in inner if splits[one.name] != UNASSIGNED or is_unlabelled(one.name)]
    if split == UNASSIGNED and len(words) < len(inner) and _has_splits_below(inner):
        # Of classes with a folder for each split, one may be called "train".
        _read_inner(inner, split, layout, named=named)
        return
    if split == UNASSIGNED and any(one.folders for one in words if splits[one.name] != UNASSIGNED):
        layout.ignored += [one.path for one in inner if one not in words]
        for one in words:
            _read_split(one, splits[one.name], layout, named=named)
    elif len(words) == sum(not _is_container(one.name) for one in inner) > 1 and not named:
        raise _RefusedError(f"the images lie in {_listed(words)} without folders for classes", [inner[0].level])
    elif inner:
        _read_inner(inner, split, layout, named=named)


def _has_splits_below(folders: Sequence[_Folder]) -> bool:
    """Whether all of these that hold folders hold folders for splits alone, and some do that are none themselves."""
    below = [name for folder in folders for name in folder.folders]
    own = [split_of_word(folder.name) == UNASSIGNED for folder in folders if folder.folders]
    return any(own) and all(split_of_word(name) != UNASSIGNED for name in below)


def _read_split(folder: _Folder, split: int, layout: Layout, *, named: bool) -> None:
    if is_unlabelled(folder.name):
        layout.unlabelled += [one.path for one in _with_images(folder)]
    else:
        _read(folder, split, layout, named=named)


def _read_inner(folders: Sequence[_Folder], split: int, layout: Layout, *, named: bool) -> None:
    """Read the one folder of several that holds the data, or all of them as classes."""
    containers = [] if named else [one for one in folders if _is_container(one.name)]
    classes = [one for one in folders if one not in containers]
    if len(folders) == 1 and (folders[0].folders or containers):
        _read(folders[0], split, layout, named=named)
        return
    if containers and len(classes) < 2:
        holding = [one for one in folders if one.folders]
        if len(holding) != 1 or 2 * holding[0].total < _total(folders):
            reason = f"{_listed(containers)} {'is' if len(containers) == 1 else 'are'} hardly a class's name"
            raise _RefusedError(f"the images lie in {_listed(folders)}, and {reason}", [folders[0].level])
        layout.ignored += [one.path for one in folders if one is not holding[0]]
        _read(holding[0], split, layout, named=named)
        return
    if _total(containers) > _total(classes):
        raise _RefusedError(f"most images lie in {_listed(containers)}, hardly a class's name", [folders[0].level])
    layout.ignored += [one.path for one in containers]
    _read_classes(classes, split, layout, named=named)


def _read_classes(classes: Sequence[_Folder], split: int, layout: Layout, *, named: bool) -> None:
    """Add folders of classes, in which folders for splits may lie, or a few parts of a class."""
    nested = [one for one in classes if one.folders]
    if split == UNASSIGNED and _has_splits_below(classes):
        for one in classes:
            layout.classes += [ClassFolder(part.path, one.name, _split_below(one, part)) for part in _with_images(one)]
    elif len(nested) > len(classes) / 2 and not named and not all(_is_wrapped(one) for one in nested):
        raise _RefusedError(*_two_levels(nested, classes))
    else:
        layout.classes += [ClassFolder(part.path, one.name, split) for one in classes for part in _with_images(one)]


def _is_wrapped(folder: _Folder) -> bool:
    """Whether all images of a folder lie in one folder for images."""
    inner = list(folder.folders.values())
    return not folder.images and len(inner) == 1 and _is_container(inner[0].name) and not inner[0].folders


def _split_below(folder: _Folder, part: _Folder) -> int:
    return split_of_folders(part.path.removeprefix(folder.path).split("/"))


def _two_levels(nested: Sequence[_Folder], classes: Sequence[_Folder]) -> tuple[str, tuple[int, int]]:
    """Why nested folders can be read in two ways, and the levels of both."""
    inner = Counter(name for one in nested for name in one.folders)
    shared = [name for name, count in inner.items() if count == len(nested)]
    outer = classes[0].level
    if len(nested) > 1 and shared:
        return f"each of {_listed(classes)} holds the same folders ({_names(shared)})", (outer + 1, outer)
    return f"{_listed(classes)} hold folders that hold the images ({_names(inner)})", (outer, outer + 1)


def _check(layout: Layout, index: FolderIndex, named: bool) -> None:
    """Raise _RefusedError for a layout whose images or classes tell of another sense."""
    counts = index.images_in
    if named:
        return
    if not layout.classes:
        places = _names(path or "the data folder itself" for path in layout.unlabelled)
        raise _RefusedError(f"{len(index.images)} images lie in {places} without folders for classes")
    labels = {one.label for one in layout.classes}
    if len(labels) == 1 and (tables := index.files(_TABLES)):
        level = layout.classes[0].path.count("/") + 1
        raise _RefusedError(f"all images lie in {_names(labels)}/, and there is {_names(tables)}", [level])
    loose = sum(counts.get(path, 0) for path in layout.unlabelled if not _is_set_apart(path))
    if loose > sum(counts.get(one.path, 0) for one in layout.classes):
        raise _RefusedError(f"{loose} images lie outside the folders {_names(one.label for one in layout.classes)}")
    pairs = _pairs(index)
    if pairs > len(index.images) / 4:
        raise _RefusedError(f"{pairs} images have a second one of the same name beside them, such as a mask")
    _set_apart_what_has_no_class(layout)


def _set_apart_what_has_no_class(layout: Layout) -> None:
    """Take the folders of splits that have none of the training classes, such as test/test/, for unlabelled."""
    train = {_spelt(one.label) for one in layout.classes if one.split == 0}
    for split in (1, 2):
        own = [one for one in layout.classes if one.split == split]
        labels = {_spelt(one.label) for one in own}
        if len(train) < 2 or not labels or labels & train:
            continue
        if len(labels) > 1:
            reason = f"{SPLITS[split]} has the classes {_names(labels)}, none of which is among train's {_names(train)}"
            raise _RefusedError(reason)
        layout.classes = [one for one in layout.classes if one.split != split]
        layout.unlabelled += [one.path for one in own]


def _spelt(label: str) -> str:
    return unicodedata.normalize("NFC", label.strip())


def _pairs(index: FolderIndex) -> int:
    """How many images share folder and stem with another."""
    stems = Counter(os.path.splitext(image)[0] for image in index.images)  # noqa: PTH122 - a million may pass here
    return sum(count - 1 for count in stems.values())


def _with_images(folder: _Folder) -> Iterator[_Folder]:
    """The folder and those below it that have images themselves."""
    if folder.images:
        yield folder
    for inner in folder.folders.values():
        yield from _with_images(inner)


def _is_container(name: str) -> bool:
    words = words_of(name)
    return bool(words) and all(word in _CONTAINERS for word in words)


def _is_set_apart(path: str) -> bool:
    return any(is_unlabelled(part) or split_of_word(part) != UNASSIGNED for part in path.split("/"))


def _total(folders: Iterable[_Folder]) -> int:
    return sum(folder.total for folder in folders)


def _listed(folders: Iterable[_Folder]) -> str:
    return _names(f"{folder.path}/" for folder in folders)


def _names(names: Iterable[str]) -> str:
    """'cat, dog and 3 more'."""
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
