"""Draw data sets from a seed: a layout, words for its folders, names of pictures and classes, and dirt."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.data.layouts.builder import build
from tests.data.layouts.dirt import DIRT, Dirt
from tests.data.layouts.judge import TASKS, Expected, Outcome, judge
from tests.data.layouts.shapes import LAYOUTS
from tests.data.layouts.tree import Layout, Tree
from tests.data.layouts.truth import Truth, Words, draw

CLASS_NAMES = (
    ("cat", "dog", "fox"),
    ("Red Blood Cell", "White Blood Cell"),
    ("buildings", "forest", "glacier", "sea"),
    ("Äpfel", "Birnen"),
    ("001.Black_footed_Albatross", "002.Laysan_Albatross", "017.Cardinal"),
    ("with_mask", "without_mask"),
    ("car", "bus", "train"),
    ("NORMAL", "PNEUMONIA"),
    ("off", "on", "no"),
    ("10", "7", "1.10"),
)
STEMS = (
    ("{:04d}",),
    ("IMG_{:03d}",),
    ("BloodImage_{:05d}",),
    ("frame {:d}",),
    ("größe {:d}",),
    ("clip_001.mp4#t={:d}",),
    ("photo-{:02d}_jpg.rf.3f2a91c0",),
    ("raccoon-{:d}",),
    ("{:08x}-8a3c-4f2b", "ISIC_{:07d}"),
    ("a.b {:d} (copy)",),
)
SUFFIXES = (".jpg", ".jpg", ".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".jpg.jpeg")
WRAPPERS = ("", "", "", "archive/", "dataset/", "Raccoon.v2-raw.voc/", "data/raw/", "My Data (1)/")


@dataclass(frozen=True)
class Case:
    """One drawn data set: everything that its tree follows from."""

    seed: int
    layout: Layout
    truth: Truth
    dirt: tuple[Dirt, ...]
    task: str | None

    @property
    def summary(self) -> str:
        dirt = ", ".join(piece.name for piece in self.dirt) or "clean"
        first = self.truth.pictures[0].file
        return (
            f"seed {self.seed}: {self.layout.name} ({self.truth.kind}, {dirt}; {first}; classes {self.truth.classes})"
        )

    def lay_out(self, root: Path) -> tuple[Tree, Expected]:
        """Write the tree below an empty folder."""
        tree = Tree(root, self.layout, self.truth)
        build(tree)
        expected = Expected(self.truth.pictures)
        for piece in self.dirt:
            expected = piece.spoil(tree, expected)
        return tree, expected

    def judge(self, root: Path) -> Outcome:
        tree, expected = self.lay_out(root)
        return judge(tree, expected, self.task)


def cases(seeds: range) -> Iterator[Case]:
    """A case a seed; the layouts come in turn, so that each has its share."""
    return (case(seed) for seed in seeds)


def case(seed: int) -> Case:
    """The data set of a seed."""
    rng = Random(seed)
    layout = LAYOUTS[seed % len(LAYOUTS)]
    kind = rng.choice(layout.kinds)
    layout = _wrapped(layout, rng.choice(WRAPPERS))
    truth = draw(rng, _words(rng, layout), tuple(layout.splits), kind=kind)
    dirt = tuple(piece for piece in DIRT if rng.random() < piece.share and piece.fits(layout, truth))
    task = rng.choice([None, TASKS[kind][0]])
    return Case(seed, layout, truth, dirt, task=task)


def _wrapped(layout: Layout, folder: str) -> Layout:
    """The layout one or two folders further down, as archives unpack."""
    options = {
        name: folder + value if name in ("sets", "lists", "yaml", "names", "data") else value
        for name, value in layout.options.items()
    }
    return replace(
        layout,
        images=folder + layout.images,
        labels=folder + layout.labels if layout.labels else "",
        also=tuple(folder + path for path in layout.also),
        at=folder + layout.at if layout.at != "." else ".",
        options=options | {"wrapper": folder},
    )


def _words(rng: Random, layout: Layout) -> Words:
    classes = rng.choice(CLASS_NAMES)
    if layout.options.get("style") in ("spaces", "commas", "bars", "semicolons"):
        classes = tuple(name.replace(" ", "_") for name in classes)
    if layout.format == "masks" and layout.options.get("style") != "indexed":
        classes = classes[:1]
    stems = rng.choice(STEMS)
    if rng.random() < 0.3:
        stems = tuple(unicodedata.normalize("NFD", stem) for stem in stems)
    return Words(classes, stems, rng.choice(SUFFIXES))
