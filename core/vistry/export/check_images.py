"""The images that an export is checked on: the run's validation images, and made-up ones where none can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from vistry.errors import RunError
from vistry.runs.folder import VALIDATION_ROWS, Run
from vistry.runs.moved_images import file_below
from vistry.runs.rows import read_rows

MOST = 64
MADE_UP = 16
SIDES = (97, 240, 320, 375, 500)  # in pixels; among them odd ones, and no square


@dataclass(frozen=True)
class CheckImages:
    """Paths of images that can be opened; `made_up` where they show nothing, for want of the run's own."""

    paths: tuple[Path, ...]
    made_up: bool


@contextmanager
def check_images(run: Run, data: Path | None) -> Iterator[CheckImages]:
    """Give up to MOST of a run's validation images, spread evenly; made-up ones where none is where the run says.

    `data` is the folder where they are now. Raises RunError where it has none of them.
    """
    images = _validation_images(run, data)
    if images:
        chosen = np.unique(np.linspace(0, len(images) - 1, MOST).round().astype(int)).tolist()
        yield CheckImages(tuple(images[index] for index in chosen), made_up=False)
        return
    if data is not None:
        raise RunError(f"{data} has none of the validation images of {run.id}; name the folder that holds them now")
    with TemporaryDirectory(prefix="vistry-images-") as folder:
        yield CheckImages(tuple(_made_up(Path(folder))), made_up=True)


def _validation_images(run: Run, data: Path | None) -> list[Path]:
    record = run.record
    try:
        images = read_rows(run.folder / VALIDATION_ROWS, record.classes, record.task).images
    except RunError:
        return []
    places = images if data is None else [place for image in images if (place := file_below(data.resolve(), image))]
    return [path for path in map(Path, places) if path.is_file()]


def _made_up(folder: Path) -> Iterator[Path]:
    """Write pictures with shapes of many sizes, as photographs have, and noise."""
    random = np.random.default_rng(0)
    for number in range(MADE_UP):
        width, height = random.choice(SIDES, 2, replace=False).tolist()
        coarse = random.integers(0, 256, (random.integers(2, 24), random.integers(2, 24), 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
        pixels = np.clip(smooth + random.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
        path = folder / f"{number:02d}.png"
        Image.fromarray(pixels).save(path)
        yield path
