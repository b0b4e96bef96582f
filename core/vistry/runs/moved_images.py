"""The images of a run that goes on: found where they are now, and known to be those that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from vistry.data.contents import MISSING, Contents, Sizes, contents_of, sizes_of
from vistry.errors import RunError
from vistry.runs.files import replacing
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS, Run
from vistry.runs.image_contents import read_image_contents

ROWS = {"training": TRAINING_ROWS, "validation": VALIDATION_ROWS}
CREATED = "%Y-%m-%dT%H:%M:%S%z"
# A run's time has whole seconds, and its images were read before it: those changed around it are read again.
MARGIN = 10.0
NAMED = 3


def move_images(run: Run, data: Path | None, validation: Path | None) -> Run:
    """Write where the images of a run are now into its rows, and return the run.

    `data` is the folder or the file that holds what the run was trained on; `validation` the same for validation
    images that lay apart. An image is looked for by the longest end of its old path. Raises RunError, and changes
    nothing, where an image isn't found.
    """
    record = run.record
    folders = {"training": data, "validation": validation if record.data.validation_source else data}
    if validation is not None and not record.data.validation_source:
        raise RunError(f"{run.id} has no validation data apart; leave out --validation")
    moved = {split: list(_moved_rows(run, split, folder)) for split, folder in folders.items() if folder is not None}
    for split, lines in moved.items():
        with replacing(run.folder / ROWS[split]) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    sources = replace(
        record.data,
        source=record.data.source if data is None else str(data.resolve()),
        validation_source=record.data.validation_source if validation is None else str(validation.resolve()),
    )
    run.write(replace(record, data=sources))
    return Run(run.folder)


def check_images(run: Run) -> None:
    """Raise RunError where images of a run are missing, or hold something else than when it began.

    A run that kept no hashes of its images can't tell the second.
    """
    recorded = read_image_contents(run.folder)
    for split in ROWS:
        images = [str(row["image_url"]) for row in _rows(run, split)]
        sizes = sizes_of(images)
        expected = recorded[split] if recorded else None
        known = np.ones(len(images), np.bool_) if expected is None else expected.sizes != MISSING
        if missing := [images[row] for row in np.flatnonzero(known & (sizes == MISSING)).tolist()]:
            hint = "--validation DIR" if split == "validation" and run.record.data.validation_source else "--data DIR"
            raise RunError(
                f"{_named(missing, len(images), split)} missing; put them back, or, where they are elsewhere now, "
                f"type: vistry resume {run.folder} {hint}"
            )
        if expected is not None and (changed := _changed(run, images, sizes, expected=expected)):
            raise RunError(
                f"{_named(changed, len(images), split)} not what the run began with: other pictures by the same "
                f"names; put the first ones back, or train anew, with --checkpoint_run_id {run.id}"
            )


def _named(images: Sequence[str], count: int, split: str) -> str:
    some = ", ".join(images[:NAMED]) + (", ..." if len(images) > NAMED else "")
    return f"{len(images)} of {count} {split} images ({some}) {'is' if len(images) == 1 else 'are'}"


def _changed(run: Run, images: Sequence[str], sizes: Sizes, *, expected: Contents) -> list[str]:
    """The images of another size or content. Those that no one touched since the run began aren't read."""
    known = expected.sizes != MISSING
    since = _began(run) - MARGIN
    read = [row for row in np.flatnonzero(known & (sizes == expected.sizes)).tolist() if _touched(images[row]) > since]
    now = contents_of([images[row] for row in read]) if read else Contents(sizes[:0], expected.digests[:0])
    differ = np.asarray(read, np.int64)[(now.digests != expected.digests[read]).any(axis=1)]
    resized = np.flatnonzero(known & (sizes != expected.sizes))
    return [images[row] for row in np.union1d(resized, differ).tolist()]


def _began(run: Run) -> float:
    """When the run was made, in seconds since the epoch; 0 where that isn't told."""
    with suppress(ValueError):
        return datetime.strptime(run.record.created, CREATED).timestamp()
    return 0.0


def _touched(image: str) -> float:
    """When a file last changed, or took another's place."""
    status = Path(image).stat()
    return max(status.st_mtime, status.st_ctime)


def _rows(run: Run, split: str) -> Iterator[dict[str, Any]]:
    """The lines of a run's list of images, as they are."""
    path = run.folder / ROWS[split]
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                _ = row["image_url"]
                yield row
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"the run's list of images {path} can't be read: {error}") from None


def _moved_rows(run: Run, split: str, place: Path) -> Iterator[str]:
    """The lines of a run's rows with the images below a folder, or beside a file."""
    if not place.exists():
        raise RunError(f"{place}: there is no such file or folder; name the one that holds the {split} images now")
    folder = (place if place.is_dir() else place.parent).resolve()
    rows = list(_rows(run, split))
    places = [file_below(folder, row["image_url"]) for row in rows]
    missing = [row["image_url"] for row, image in zip(rows, places, strict=True) if image is None]
    if missing:
        message = f"{len(missing)} of {len(rows)} {split} images aren't below {folder}, such as {missing[0]}"
        raise RunError(f"{message}; name the folder that holds all of them")
    for row, image in zip(rows, places, strict=True):
        yield json.dumps({**row, "image_url": image}, ensure_ascii=False) + "\n"


def file_below(folder: Path, image: str) -> str | None:
    """The file in a folder whose path ends as the old one does, in the most parts."""
    parts = PurePath(image).parts
    candidates = (folder.joinpath(*parts[start:]) for start in range(1, len(parts)))
    return next((str(path) for path in candidates if path.is_file()), None)
