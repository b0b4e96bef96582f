"""A folder of images for each class, with folders for splits above or below them, or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.folder_tree import Layout, layout_at, layout_of
from vistry.data.readers.labels import AS_OBJECTS, MULTICLASS, OBJECT_TASKS, ClassNames
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.source import DataSource

NAME = "folders"
# Classes whose names are said.
SHOWN = 5


def judge(source: DataSource) -> Evidence | None:
    """Whether the tree of folders has no other sense than that of classes."""
    if not source.path.is_dir() or not source.index.images:
        return None
    layout = _layout(source)
    if layout.against:
        readings = "; ".join(layout.readings)
        return Evidence("folders of images", against=layout.against, remedy=f"type {readings}" if readings else "")
    labels = sorted({one.label for one in layout.classes})
    if not labels:
        return None
    shown = ", ".join(labels[:SHOWN]) + (f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else "")
    count = sum(source.index.images_in[one.path] for one in layout.classes)
    return Evidence(f"{len(labels)} folders of classes ({shown})", named=count, present=count, covers=count)


def read(source: DataSource, task: str) -> Reading:
    """Every image with its folder's name as the label. Raises FindingError for tasks that a folder can't label."""
    if task != MULTICLASS:
        message = f"a folder for each class gives an image one label, which is not what {task} needs"
        others = AS_OBJECTS if task in OBJECT_TASKS else "describe the labels in a JSON Lines or CSV file"
        remedy = f"use --task multiclass, or {others}"
        raise FindingError(Finding.of("task-mismatch", message, source.path).advising(remedy))
    layout = _layout(source)
    if layout.against:
        remedy = "; ".join(layout.readings) or "name the format with --format"
        raise FindingError(Finding.of("format-ambiguous", layout.against, source.path).advising(remedy))
    builder = TableBuilder(source.root, NAME)
    names = ClassNames(builder)
    images = _images_by_folder(source)
    for folder in sorted(layout.classes):
        (label,) = names.one(folder.label)
        for image in images[folder.path]:
            builder.add(f"{source.root}/{image}", [label], folder.split)
    findings = [*source.index.links, *_empty_classes(source, layout), *names.remarks(source.path)]
    ignored = {path: _below(images, path) for path in layout.ignored}
    loose = [image for path in layout.unlabelled for image in images[path]]
    findings += _remarks(source, list(ignored), loose)
    passed = frozenset(loose).union(*ignored.values())
    return Reading(builder.build(), tuple(findings), auxiliary=passed)


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Multi-class, because an image lies in one folder."""
    return MULTICLASS, "a folder for each class"


def _layout(source: DataSource) -> Layout:
    level = source.options.classes_at
    if level is not None:
        return layout_at(source.index, level)
    return layout_of(source.index, named=source.options.format == NAME)


def _images_by_folder(source: DataSource) -> dict[str, list[str]]:
    images: dict[str, list[str]] = defaultdict(list)
    for image in source.index.images:
        images[image.rpartition("/")[0]].append(image)
    return images


def _below(images: dict[str, list[str]], path: str) -> list[str]:
    """The images in a folder and below it."""
    return [
        image
        for folder, inside in images.items()
        if folder == path or folder.startswith(f"{path}/")
        for image in inside
    ]


def _empty_classes(source: DataSource, layout: Layout) -> Iterator[Finding]:
    """A finding for each folder without images beside those of the classes."""
    places = {one.path.rpartition("/")[0] for one in layout.classes}
    filled = {folder for path in source.index.images_in for folder in _folders_above(path)}
    for folder in source.index.folders:
        if folder.rpartition("/")[0] in places and folder not in filled:
            name = folder.rpartition("/")[2].strip()
            yield Finding.of("class-empty", f"no image in the class folder '{name}'", f"{source.root}/{folder}")


def _folders_above(path: str) -> Iterator[str]:
    """A folder and all that it lies in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _remarks(source: DataSource, ignored: list[str], loose: list[str]) -> Iterator[Finding]:
    """One finding for each reason why files were passed over."""
    root = source.root
    passed = dict(source.index.passed)
    passed["file-ignored"] = [f"{root}/{path}" for path in source.index.others]
    passed["folder-ignored"] = [f"{root}/{path}" for path in ignored]
    passed["image-unlabelled"] = [f"{root}/{path}" for path in loose]
    nouns = {
        "name-encoding": "name(s) that are not valid Unicode",
        "file-hidden": "hidden file(s) or folder(s) ignored",
        "file-ignored": "file(s) ignored that are not images",
        "folder-ignored": "folder(s) ignored beside the splits and classes",
        "image-unlabelled": "image(s) ignored outside a class folder",
    }
    for check, paths in passed.items():
        if paths:
            first = min(paths)
            message = f"{len(paths)} {nouns[check]}, such as {first}"
            yield Finding.of(check, message, first, count=len(paths))
