"""A folder an image, with the image in one folder and a mask for each object in another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.labels import SEGMENTATION, ClassNames
from vistry.data.readers.mask_pairs import is_mask_folder, read_values
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.split_words import split_of_folders
from vistry.data.source import DataSource

NAME = "masks"
ONLY_CLASS = "object"


class Sample(NamedTuple):
    """A folder with its images and its masks, relative to the data folder; a mask's class is its folder's, if any."""

    folder: str
    images: list[str]
    masks: list[tuple[str, str]]


def judge(source: DataSource) -> Evidence | None:
    """How many folders have masks beside one image."""
    if not source.path.is_dir():
        return None
    samples = list(_samples(source))
    whole = sum(len(sample.images) == 1 for sample in samples)
    # Folders of many images have a mask for each of them, which is another format.
    if not whole or sum(len(sample.images) > 1 for sample in samples) > whole:
        return None
    files = sum(len(sample.masks) for sample in samples)
    summary = f"{len(samples)} folders with masks of single objects, such as {samples[0].folder}"
    return Evidence(summary, named=len(samples), present=whole, covers=whole + files)


def read(source: DataSource, task: str) -> Reading:
    """Every image with a mask a file; folders among the masks name the classes, else there is one, 'object'."""
    builder = ObjectTableBuilder(source.root, NAME, task)
    names = ClassNames(builder)
    findings: list[Finding] = []
    accounted: set[str] = set()
    for sample in _samples(source):
        accounted.update(mask for _, mask in sample.masks)
        if len(sample.images) != 1:
            message = f"expected one image beside the masks, got {len(sample.images)}"
            findings.append(Finding.of("image-unlabelled", message, source.root / sample.folder))
            continue
        row = builder.add_image(f"{source.root}/{sample.images[0]}", split_of_folders(sample.folder.split("/")))
        for number, (label, mask) in enumerate(sample.masks, start=1):
            try:
                shape = _shape(source, mask)
                (class_id,) = names.one(label)
                builder.add_object(row, class_id, ObjectRecord(shape.box(), number, shape=shape))
            except FindingError as error:
                findings.append(replace(error.finding, file=f"{source.root}/{mask}"))
                builder.drop_object(row)
    findings += names.remarks(source.path)
    return Reading(builder.build(), tuple(findings), auxiliary=frozenset(accounted))


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Segmentation."""
    return SEGMENTATION, "a mask for each object"


def _samples(source: DataSource) -> Iterator[Sample]:
    """Every folder that holds a folder of masks, which may be sorted into folders by class, in the order of paths."""
    masks: dict[str, list[tuple[str, str]]] = defaultdict(list)
    images: dict[str, list[str]] = defaultdict(list)
    for image in source.index.images:
        folders = image.split("/")[:-1]
        at = next(
            (at for at in range(len(folders) - 1, max(-1, len(folders) - 3), -1) if is_mask_folder(folders[at])), None
        )
        if at is None:
            images["/".join(folders[:-1])].append(image)
            images["/".join(folders)].append(image)
        elif at:
            label = folders[at + 1].strip() if at + 1 < len(folders) else ONLY_CLASS
            masks["/".join(folders[:at])].append((label, image))
    for folder, files in sorted(masks.items()):
        yield Sample(folder, images[folder], files)


def _shape(source: DataSource, mask: str) -> Shape:
    inside = read_values(source.root / mask) > 0
    if not inside.any():
        raise FindingError(Finding.of("mask-empty", "all of the mask is black"))
    return Shape(runs=mask_to_runs(inside), height=inside.shape[0])
