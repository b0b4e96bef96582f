"""Labels of whole images from the objects in them, for a task that classifies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.reader import Reading
from vistry.data.table import Table
from vistry.registry.tasks import MULTICLASS


def labels_of_objects(reading: Reading, task: str) -> Reading:
    """The same images with the classes of their objects, each once.

    For multi-class, an image with objects of several classes or of none is a finding and left out. Raises FindingError
    where that is most of them.
    """
    table = reading.table
    starts, labels = table.class_sets()
    labelled = replace(table, label_starts=starts, labels=labels, objects=None)
    counts = np.diff(starts)
    findings = [Finding.of("labels-from-objects", f"the objects of {table.format} say the classes of each image")]
    accounted = set(reading.auxiliary)
    if task == MULTICLASS:
        rows = np.flatnonzero(counts == 1)
        if len(rows) < len(table) / 2:
            message = f"{int(np.sum(counts > 1))} of {len(table)} images have objects of several classes, "
            message += f"{int(np.sum(counts == 0))} have none, but {task} takes one class for each"
            remedy = "use --task multilabel, or --task detection"
            raise FindingError(Finding.of("task-mismatch", message, table.root).advising(remedy))
        others = np.flatnonzero(counts != 1).tolist()
        findings += [_several(table, row, int(counts[row])) for row in others]
        accounted |= {table.images[row].removeprefix(f"{table.root}/") for row in others}
        labelled = labelled.take(rows)
    return Reading(labelled, (*reading.findings, *findings), frozenset(accounted))


def _several(table: Table, row: int, count: int) -> Finding:
    file, line = table.location(row)
    what = f"objects of {count} classes" if count else "no object"
    return replace(
        Finding.of(
            "task-mismatch", f"the image has {what}, but {MULTICLASS} takes one class for each", file, line=line
        ),
        subject=table.images[row],
    )
