"""The typed table that every reader fills: a row an image, columns as arrays, so that a million rows stay small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.objects import Objects
from vistry.data.offsets import element_indices, offsets_from_counts, segment_ids

SPLITS = ("train", "validation", "test")
UNASSIGNED = -1


@dataclass(frozen=True)
class Table:
    """Images with their labels.

    `images`: [N] paths as text, absolute. `label_starts`: [N + 1] int64 and `labels`: [M] int32, so that the labels of
    row i, as indices into `classes`, are `labels[label_starts[i]:label_starts[i + 1]]`. `split`: [N] int8, an index
    into SPLITS or UNASSIGNED. `files` are the annotation files read; row i was described on line `lines[i]` (int32,
    from 1; 0 where a folder says it all) of `files[file_of[i]]` (int32). `classes` are in alphabetical order.
    For detection and segmentation a label is an object, whose box and mask stand in `objects`; an image without any is
    a negative.
    """

    root: Path
    format: str
    classes: tuple[str, ...]
    images: Sequence[str]
    label_starts: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    split: npt.NDArray[np.int8]
    files: tuple[Path, ...]
    file_of: npt.NDArray[np.int32]
    lines: npt.NDArray[np.int32]
    objects: Objects | None = None

    def __len__(self) -> int:
        return len(self.images)

    def labels_of(self, row: int) -> npt.NDArray[np.int32]:
        """The class indices of one row."""
        return self.labels[self.label_starts[row] : self.label_starts[row + 1]]

    def where(self, row: int) -> str:
        """File and line that describe a row, for an error message."""
        file, line = self.location(row)
        return file if line is None else f"{file}:{line}"

    def location(self, row: int) -> tuple[str, int | None]:
        """The annotation file and the line that describe a row; the image itself where a folder says it all."""
        if self.lines[row] == 0:
            return self.images[row], None
        return str(self.files[self.file_of[row]]), int(self.lines[row])

    def rows_of(self, split: str) -> npt.NDArray[np.int64]:
        """The rows that the data itself assigns to 'train', 'validation' or 'test'."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def class_counts(self) -> npt.NDArray[np.int64]:
        """[C] the number of images with each class."""
        return np.bincount(self.class_sets()[1], minlength=len(self.classes)).astype(np.int64)

    def object_counts(self) -> npt.NDArray[np.int64]:
        """[C] the number of labels of each class, which for detection are objects."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)

    def class_sets(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Offsets [N + 1] and labels like the table's own, in which each row names a class at most once."""
        if self.objects is None:
            return self.label_starts, self.labels
        width = max(1, len(self.classes))
        pairs = np.unique(segment_ids(self.label_starts) * width + self.labels)
        counts = np.bincount(pairs // width, minlength=len(self))
        return offsets_from_counts(counts), (pairs % width).astype(np.int32)

    def multi_hot(self) -> npt.NDArray[np.bool_]:
        """[N, C] True where a row has a class."""
        hot = np.zeros((len(self), len(self.classes)), dtype=bool)
        hot[segment_ids(self.label_starts), self.labels] = True
        return hot

    def with_classes(self, classes: tuple[str, ...]) -> Table:
        """Renumber the labels as indices into other classes, which must hold all of the table's."""
        index = np.asarray([classes.index(name) for name in self.classes], dtype=np.int32)
        return replace(self, classes=classes, labels=index[self.labels])

    def take(self, rows: npt.ArrayLike) -> Table:
        """The table of these rows, in this order; the classes stay."""
        index = np.asarray(rows, dtype=np.int64)
        elements = element_indices(self.label_starts, index)
        return replace(
            self,
            images=[self.images[row] for row in index],
            label_starts=offsets_from_counts(np.diff(self.label_starts)[index]),
            labels=self.labels[elements],
            split=self.split[index],
            file_of=self.file_of[index],
            lines=self.lines[index],
            objects=None if self.objects is None else self.objects.take(index, elements),
        )

    def with_objects(self, mask: npt.NDArray[np.bool_], objects: Objects) -> Table:
        """Keep only the objects that `mask` [M] marks; `objects` holds the columns of all M."""
        index = np.flatnonzero(mask)
        counts = np.bincount(segment_ids(self.label_starts)[index], minlength=len(self))
        return replace(
            self,
            label_starts=offsets_from_counts(counts),
            labels=self.labels[index],
            objects=objects if len(index) == len(mask) else objects.take_objects(index),
        )

    def without_empty_classes(self) -> Table:
        """Drop the classes that no row has, and renumber the labels."""
        used = self.object_counts() > 0
        if used.all():
            return self
        rank = (np.cumsum(used) - 1).astype(np.int32)
        names = tuple(name for name, is_used in zip(self.classes, used, strict=True) if is_used)
        return replace(self, classes=names, labels=rank[self.labels])

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[np.int32]]]:
        for row, image in enumerate(self.images):
            yield image, self.labels_of(row)


def gather_labels(
    label_starts: npt.NDArray[np.int64], labels: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """The labels of these rows one after the other, from starts [N + 1] and labels [M]."""
    gathered: npt.NDArray[np.int32] = labels[element_indices(label_starts, rows)]
    return gathered
