"""The rows of a run's splits, kept beside it as JSON Lines in the hosted product's format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vistry.data.table import UNASSIGNED, Table
from vistry.errors import RunError
from vistry.runs.files import replacing


def write_rows(path: Path, table: Table, task: str) -> None:
    """One line an image: its path and its label, or list of labels for multi-label."""
    single = task == "image_classification"
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for image, labels in table:
            names = [table.classes[label] for label in labels]
            row = {"image_url": image, "label": names[0] if single else names}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_rows(path: Path, classes: tuple[str, ...]) -> Table:
    """The table `write_rows` wrote. Raises RunError where the file is missing or damaged."""
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
        raise RunError(f"the run's list of images {path} can't be read: {error}") from None
    rows = len(images)
    return Table(
        root=path.parent,
        format="jsonl",
        classes=classes,
        images=images,
        label_starts=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        labels=np.asarray(labels, dtype=np.int32),
        split=np.full(rows, UNASSIGNED, dtype=np.int8),
        files=(path,),
        file_of=np.zeros(rows, dtype=np.int32),
        lines=np.arange(1, rows + 1, dtype=np.int32),
    )
