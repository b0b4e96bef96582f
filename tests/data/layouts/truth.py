"""What a made data set says: pictures with labels or objects, and the split of each; drawn from a seed."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from random import Random

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
POOL = 48


@dataclass(frozen=True)
class Thing:
    """An object: its class, the corners x1, y1, x2, y2 in pixels, and the polygon [(x, y), ...] that fills them."""

    label: str
    box: Box
    polygon: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Picture:
    """A picture of the pool by number, its file name without suffix, and what is said about it.

    `split`: 'train', 'validation', 'test', or nothing where the layout has none.
    """

    number: int
    stem: str
    suffix: str
    split: str = ""
    labels: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()

    @property
    def file(self) -> str:
        return self.stem + self.suffix

    @property
    def label(self) -> str:
        """The one label."""
        return self.labels[0]

    @property
    def size(self) -> tuple[int, int]:
        return pool_size(self.number)

    @property
    def content(self) -> bytes:
        return pool_bytes(self.number, "PNG" if self.suffix.lower().endswith("png") else "JPEG")


@dataclass(frozen=True)
class Truth:
    """All pictures of a data set and its classes, in the order in which files number them."""

    pictures: tuple[Picture, ...]
    classes: tuple[str, ...]
    kind: str

    def of(self, split: str) -> list[Picture]:
        return [picture for picture in self.pictures if picture.split == split]

    def index(self, label: str) -> int:
        return self.classes.index(label)


@dataclass(frozen=True)
class Words:
    """How classes and pictures of a data set are called."""

    classes: tuple[str, ...]
    stems: tuple[str, ...] = field(default=("img_{:03d}",))
    suffix: str = ".jpg"


@cache
def pool_bytes(number: int, kind: str) -> bytes:
    """The file of a picture of the pool: noise in blocks, no two alike."""
    width, height = pool_size(number)
    rough = np.random.default_rng([number, 7]).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rough.repeat(8, 0).repeat(8, 1)).save(stream, kind)
    return stream.getvalue()


def pool_size(number: int) -> tuple[int, int]:
    return 40 + 8 * (number % 4), 40 + 8 * (number % 3)


def draw(rng: Random, words: Words, splits: tuple[str, ...], *, kind: str, negatives: bool = False) -> Truth:
    """Draw a data set: `kind` is 'label', 'labels', 'boxes' or 'masks'. Each split has each class at least once."""
    per_split = max(2 * len(words.classes), 12 // max(1, len(splits)))
    numbers = rng.sample(range(POOL), min(POOL, per_split * max(1, len(splits))))
    pictures = []
    for at, number in enumerate(numbers):
        style = words.stems[at % len(words.stems)]
        picture = Picture(number, style.format(at + 1), words.suffix, splits[at % len(splits)] if splits else "")
        first = words.classes[at // max(1, len(splits)) % len(words.classes)]
        pictures.append(_describe(picture, rng, kind, (first, *words.classes)))
    if negatives:
        number = next(number for number in range(POOL) if number not in numbers)
        pictures.insert(0, Picture(number, words.stems[0].format(90), words.suffix, splits[0] if splits else ""))
    return Truth(tuple(pictures), words.classes, kind)


def _describe(picture: Picture, rng: Random, kind: str, choice: tuple[str, ...]) -> Picture:
    """The picture with its first class, and more where the kind may have them."""
    more = [label for label in dict.fromkeys(choice[1:]) if label != choice[0] and rng.random() < 0.4]
    labels = (choice[0], *(more[:3] if kind != "label" else ()))
    things = []
    if kind in ("boxes", "masks"):
        cells = rng.sample(range(4), len(labels))
        things = [_thing(rng, label, _cell(picture.size, cell)) for label, cell in zip(labels, cells, strict=True)]
    return Picture(picture.number, picture.stem, picture.suffix, picture.split, labels=labels, things=tuple(things))


def _cell(size: tuple[int, int], cell: int) -> tuple[int, int, int, int]:
    """A quarter of a picture, so that no object hides another."""
    width, height = size[0] // 2, size[1] // 2
    left, top = cell % 2 * width, cell // 2 * height
    return left, top, left + width, top + height


def _thing(rng: Random, label: str, within: tuple[int, int, int, int]) -> Thing:
    left, top, right, bottom = within
    x1, y1 = rng.randrange(left + 1, left + 6), rng.randrange(top + 1, top + 6)
    x2, y2 = rng.randrange(x1 + 8, right), rng.randrange(y1 + 8, bottom)
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    return Thing(label, (float(x1), float(y1), float(x2), float(y2)), tuple((float(x), float(y)) for x, y in corners))
