"""The rows of a run's splits, kept beside it as JSON Lines in the hosted product's format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vistry.data.offsets import offsets_from_counts
from vistry.data.table import UNASSIGNED, Table
from vistry.errors import DataError, RunError
from vistry.registry.tasks import task_named
from vistry.runs.files import replacing


def write_rows(path: Path, table: Table, task: str) -> None:
    """Write a line an image: its path and its label, or list of labels for multi-label, or its objects."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_lines(table, task))


def _lines(table: Table, task: str) -> Iterator[str]:
    if table.objects is not None:
        from vistry.data.writers import jsonl

        yield from jsonl.write(table, table.images, exact=True)
        return
    single = task_named(task).has_one_label
    for image, labels in table:
        names = [table.classes[label] for label in labels]
        row = {"image_url": image, "label": names[0] if single else names}
        yield json.dumps(row, ensure_ascii=False) + "\n"


def read_rows(path: Path, classes: tuple[str, ...], task: str = "") -> Table:
    """Read the table that `write_rows` wrote. Raises RunError where the file is missing or damaged."""
    from vistry.data.readers.labels import OBJECT_TASKS

    if task in OBJECT_TASKS:
        return _read_objects(path, classes, task)
    index = {name: position for position, name in enumerate(classes)}
    images, labels, counts = [], [], []
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                names = row["label"] if isinstance(row["label"], list) else [row["label"]]
                images.append(row["image_url"])
                labels += [index[name] for name in names]
                counts.append(len(names))
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(path, error) from None
    rows = len(images)
    return Table(
        root=path.parent,
        format="jsonl",
        classes=classes,
        images=images,
        label_starts=offsets_from_counts(counts),
        labels=np.asarray(labels, dtype=np.int32),
        split=np.full(rows, UNASSIGNED, dtype=np.int8),
        files=(path,),
        file_of=np.zeros(rows, dtype=np.int32),
        lines=np.arange(1, rows + 1, dtype=np.int32),
    )


def _read_objects(path: Path, classes: tuple[str, ...], task: str) -> Table:
    """Read rows with their objects in pixels, as they were when written; the file has shares of the image's sides."""
    from vistry.data.readers import jsonl

    try:
        reading = jsonl.read_exact(path, task)
        table = reading.table.with_classes(classes)
    except (OSError, ValueError, DataError) as error:
        raise _unreadable(path, error) from None
    faults = [fault for fault in reading.findings if fault.severity == "error"]
    if faults or table.objects is None:
        raise _unreadable(path, faults[0] if faults else "no objects")
    objects = table.objects
    return replace(table, objects=objects.to_pixels(table.label_starts, objects.width, objects.height))


def _unreadable(path: Path, reason: object) -> RunError:
    return RunError(f"the run's list of images {path} can't be read: {reason}")
