"""Which images of a data set a run has trained on, or chosen its best epoch on: known by what the files hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.contents import MISSING, Contents, Sizes, contents_of, sizes_of
from vistry.errors import RunError
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS, Run
from vistry.runs.image_contents import read_image_contents
from vistry.runs.rows import read_rows

Flags = npt.NDArray[np.bool_]
ROWS = {"training": TRAINING_ROWS, "validation": VALIDATION_ROWS}


@dataclass(frozen=True)
class OwnImages:
    """Of N images: `training` [N] where the run trained on it, `validation` [N] where it chose its best epoch on it.

    `untold` counts the run's training images that can't be known again, because the run kept no hashes of them and
    their files are gone; it is None where the run doesn't even list them.
    """

    training: Flags
    validation: Flags
    untold: int | None = 0


def own_images(run: Run, images: Sequence[str]) -> OwnImages:
    """Compare N files with the run's own images. Only files of a size that one of these has are read."""
    sizes = sizes_of(images)
    contents, untold = _contents_of_run(run, sizes)
    return _own_among(images, sizes, contents, untold=untold)


def own_images_of_file(contents: Mapping[str, Contents] | None, images: Sequence[str]) -> OwnImages:
    """Compare N files with the images of the run that a file was exported from; None where it doesn't know them."""
    untold = None if contents is None else int((contents["training"].sizes == MISSING).sum())
    return _own_among(images, sizes_of(images), contents or {}, untold=untold)


def _own_among(images: Sequence[str], sizes: Sizes, contents: Mapping[str, Contents], untold: int | None) -> OwnImages:
    # A size is cheap to ask for, and tells most strangers already.
    of_run = np.concatenate([one.sizes for one in contents.values()]) if contents else np.zeros(0, np.int64)
    rows = np.flatnonzero(np.isin(sizes, of_run) & (sizes != MISSING))
    keys = contents_of([images[row] for row in rows.tolist()]).identities() if len(rows) else []
    flags = {split: _among(keys, rows, contents.get(split), count=len(images)) for split in ROWS}
    return OwnImages(flags["training"], flags["validation"] & ~flags["training"], untold)


def _among(keys: Sequence[bytes | None], rows: npt.NDArray[np.int64], own: Contents | None, count: int) -> Flags:
    """[count] True for those of `rows` whose key is one of the run's."""
    flags = np.zeros(count, np.bool_)
    if own is not None:
        known = {key for key in own.identities() if key is not None}
        flags[rows] = [key in known for key in keys]
    return flags


def _contents_of_run(run: Run, sizes: Sizes) -> tuple[dict[str, Contents], int | None]:
    """The run's own images by split, and how many of those for training can't be told."""
    recorded = read_image_contents(run.folder)
    if recorded is not None:
        return dict(recorded), int((recorded["training"].sizes == MISSING).sum())
    # Runs of earlier versions kept no hashes, so their files are read now, as far as they are still there.
    try:
        paths = {split: _paths(run, run.folder / name) for split, name in ROWS.items()}
    except RunError:
        return {}, None
    sizes_of_run = {split: sizes_of(listed) for split, listed in paths.items()}
    untold = int((sizes_of_run["training"] == MISSING).sum())
    return {split: _read_where(listed, np.isin(sizes_of_run[split], sizes)) for split, listed in paths.items()}, untold


def _paths(run: Run, file: Path) -> Sequence[str]:
    return read_rows(file, run.record.classes, run.record.task).images


def _read_where(paths: Sequence[str], usable: Flags) -> Contents:
    return contents_of([path for path, is_usable in zip(paths, usable, strict=True) if is_usable])


@dataclass(frozen=True, kw_only=True)
class OwnImageCounts:
    """How many images of an evaluation are the run's own: of its training and its validation split.

    `training_left_out`: whether those for training were left out. `untold` as in OwnImages.
    """

    training: int = 0
    validation: int = 0
    training_left_out: bool = True
    untold: int | None = 0

    @classmethod
    def of(cls, own: OwnImages, include_training: bool) -> OwnImageCounts:
        """Count the run's own images."""
        return cls(
            training=int(own.training.sum()),
            validation=int(own.validation.sum()),
            training_left_out=not include_training,
            untold=own.untold,
        )

    def sentences(self, images: int) -> Iterator[str]:
        """Yield what people should know of an evaluation of data with so many images."""
        if self.training and self.training_left_out:
            yield (
                f"{self.training} of {images} images were left out, because the run was trained on them; "
                "--include-training (in Python include_training=True) keeps them"
            )
        elif self.training:
            yield f"the run was trained on {self.training} of {images} images: of new ones, the metrics say less"
        if self.validation:
            yield f"the run has chosen its best epoch on {self.validation} of {images} images, which are measured too"
        if self.untold is None:
            yield "the run doesn't list the images that it was trained on, so they can't be recognised"
        elif self.untold:
            yield (
                f"{self.untold} of the run's training images can't be recognised: the run kept no hashes of them, and "
                "the files are gone"
            )
