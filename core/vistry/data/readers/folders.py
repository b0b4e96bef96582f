"""A folder of images for each class, directly or below train/, validation/ and test/."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import is_image_file
from vistry.data.readers.annotation_files import split_of_word
from vistry.data.readers.labels import AS_OBJECTS, MULTICLASS, OBJECT_TASKS, ClassNames
from vistry.data.readers.locations import is_inside, is_unicode
from vistry.data.readers.reader import Reading
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.table import UNASSIGNED

NAME = "folders"
Entry = os.DirEntry[str]


def fits(path: Path) -> bool:
    """Whether a folder below the path, or below its train/, holds an image."""
    if not path.is_dir():
        return False
    survey = _Survey(path.resolve())
    return any(survey.holds_image(folder.path) for _, folder in survey.class_folders())


def read(path: Path, task: str) -> Reading:
    """Every image with its folder's name as the label. Raises DataError for tasks that a folder can't label."""
    if task != MULTICLASS:
        message = f"a folder for each class gives an image one label, which is not what {task} needs"
        others = AS_OBJECTS if task in OBJECT_TASKS else "describe the labels in a JSON Lines or CSV file"
        remedy = f"use --task multiclass, or {others}"
        raise FindingError(Finding.of("task-mismatch", message, path).advising(remedy))
    survey = _Survey(path.resolve())
    builder = TableBuilder(survey.root, NAME)
    names = ClassNames(builder)
    for split, folder in survey.class_folders():
        _add_class(builder, names, survey, split=split, folder=folder)
    return Reading(builder.build(), (*survey.findings, *survey.remarks(), *names.remarks(path)))


def guess_task(path: Path) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Multi-class, because an image lies in one folder."""
    return MULTICLASS, "a folder for each class"


def _add_class(builder: TableBuilder, names: ClassNames, survey: _Survey, *, split: int, folder: Entry) -> None:
    before = len(builder)
    try:
        label = names.one(folder.name)
    except FindingError as error:
        survey.findings.append(replace(error.finding, file=folder.path))
        return
    for image in survey.images(folder.path):
        builder.add(image, label, split)
    if len(builder) == before:
        message = f"no image in the class folder '{folder.name.strip()}'"
        survey.findings.append(Finding.of("class-empty", message, folder.path))


class _Survey:
    """Walks a data folder in the order of names and remembers what it passed over."""

    def __init__(self, root: Path):
        self.root = root
        self.findings: list[Finding] = []
        self._passed: dict[str, list[str]] = {}

    def class_folders(self) -> list[tuple[int, Entry]]:
        """(split, folder) of every class folder."""
        folders = list(self._folders(str(self.root), note=True))
        splits = [(split_of_word(folder.name), folder) for folder in folders]
        if not any(split == 0 and next(self._folders(folder.path), None) for split, folder in splits):
            return [(UNASSIGNED, folder) for folder in folders]
        for split, folder in splits:
            if split == UNASSIGNED:
                self._pass("folder-ignored", folder.path)
        return [
            (split, inner)
            for split, folder in splits
            if split != UNASSIGNED
            for inner in self._folders(folder.path, note=True)
        ]

    def holds_image(self, folder: str) -> bool:
        """Whether an image lies in the folder or below."""
        return next(self.images(folder), None) is not None

    def images(self, folder: str) -> Iterator[str]:
        """The images in a folder and below it."""
        for entry in self._entries(folder):
            if entry.is_dir():
                if self._may_enter(entry):
                    yield from self.images(entry.path)
            elif is_image_file(entry.path):
                yield entry.path
            else:
                self._pass("file-ignored", entry.path)

    def _folders(self, folder: str, note: bool = False) -> Iterator[Entry]:
        for entry in self._entries(folder):
            if entry.is_dir():
                if self._may_enter(entry, note):
                    yield entry
            elif note:
                self._pass("image-unlabelled" if is_image_file(entry.path) else "file-ignored", entry.path)

    def _entries(self, folder: str) -> Iterator[Entry]:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            if not is_unicode(entry.name):
                self._pass("name-encoding", ascii(entry.path))
            elif entry.name.startswith(".") or entry.name == "__MACOSX":
                self._pass("file-hidden", entry.path)
            else:
                yield entry

    def _may_enter(self, folder: Entry, note: bool = True) -> bool:
        """Whether a folder is real, or a link to one inside the root that is not above it."""
        if not folder.is_symlink():
            return True
        target = os.path.realpath(folder.path)
        if is_inside(target, str(self.root)):
            return not is_inside(folder.path, target)
        if note:
            message = f"the folder is a link to {target}, out of the data folder {self.root}"
            self.findings.append(Finding.of("path-escape", message, folder.path))
        return False

    def _pass(self, check: str, path: str) -> None:
        self._passed.setdefault(check, []).append(path)

    def remarks(self) -> list[Finding]:
        """One finding for each reason why files were passed over."""
        return [_passed_over(check, sorted(set(paths))) for check, paths in self._passed.items()]


def _passed_over(check: str, paths: list[str]) -> Finding:
    nouns = {
        "name-encoding": "name(s) that are not valid Unicode",
        "file-hidden": "hidden file(s) or folder(s) ignored",
        "file-ignored": "file(s) ignored that are not images",
        "folder-ignored": "folder(s) ignored beside the splits",
        "image-unlabelled": "image(s) ignored outside a class folder",
    }
    return Finding.of(check, f"{len(paths)} {nouns[check]}, such as {paths[0]}", paths[0], count=len(paths))
