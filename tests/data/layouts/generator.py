"""Draw data sets from a seed: a layout, words for its folders, names of pictures and classes, and dirt."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
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
# Words that the layouts of `shapes.py` have for the same thing, to be exchanged.
IMAGE_FOLDERS = ("images", "JPEGImages", "Images", "imgs", "img", "data", "pics", "photos", "image", "Imgs")
LABEL_FOLDERS = ("annotations", "Annotations", "annots", "xmls", "labels", "annotation", "label", "Annots")
SPLIT_WORDS = (
    ("train", "val", "test"),
    ("train", "valid", "test"),
    ("train", "validation", "test"),
    ("Train", "Validation", "Test"),
    ("training", "validation", "testing"),
    ("training_set", "val_set", "test_set"),
    ("train2017", "val2017", "test2017"),
    ("TRAIN", "VAL", "TEST"),
    ("seg_train", "seg_val", "seg_test"),
)
# Which options of a layout are paths of files.
PATHS = ("sets", "lists", "yaml", "names", "data", "masks", "xml")
HOLDS_NEGATIVES = ("voc", "coco", "yolo", "jsonl", "cvat", "labelme", "label studio", "via")


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
        first, layout = self.truth.pictures[0].file, self.layout
        return (
            f"seed {self.seed}: {layout.name} ({self.truth.kind}; {dirt}; {layout.images} + {layout.labels or '-'}; "
            f"{first}; classes {', '.join(self.truth.classes)}; task {self.task})"
        )

    def lay_out(self, root: Path) -> tuple[Tree, Expected]:
        """Write the tree below an empty folder."""
        tree = Tree(root, self.layout, self.truth)
        expected = Expected(self.truth.pictures, build(tree))
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
    """The data set of a seed: the first round has the layouts as they are, later ones exchange words."""
    rng = Random(seed)
    layout = LAYOUTS[seed % len(LAYOUTS)]
    kind = rng.choice(layout.kinds)
    if seed >= len(LAYOUTS):
        layout = _wrapped(_reworded(layout, rng), rng.choice(WRAPPERS))
    words = _words(rng, layout)
    layout = replace(layout, options={**layout.options, "name_form": _name_form(rng, words, layout)})
    negatives = layout.format in HOLDS_NEGATIVES and kind in ("boxes", "masks") and rng.random() < 0.3
    truth = draw(rng, words, tuple(layout.splits), kind=kind, negatives=negatives)
    dirt = tuple(piece for piece in DIRT if rng.random() < piece.share and piece.fits(layout, truth))
    # Where masks lie beside pictures in class folders, only the task says which of the two is wanted.
    tasks = [TASKS[kind][0]] if "masks" in layout.options else [None, TASKS[kind][0]]
    return Case(seed, layout, truth, dirt, task=rng.choice(tasks))


def _reworded(layout: Layout, rng: Random) -> Layout:
    """The layout with other words for the folders of images, of annotations and of splits, where it has such."""
    words = dict.fromkeys(IMAGE_FOLDERS, rng.choice(IMAGE_FOLDERS))
    # A YOLO tree with a data.yaml finds its labels by the names of folders, so only others may change them.
    if "yaml" in layout.options:
        return layout
    words |= dict.fromkeys(LABEL_FOLDERS, rng.choice(LABEL_FOLDERS))
    changed = _with_paths(layout, words) if rng.random() < 0.6 else layout
    if layout.splits and "ImageSets" not in layout.options.get("sets", "") and rng.random() < 0.6:
        train, validation, test = rng.choice(SPLIT_WORDS)
        drawn = {"train": train, "validation": validation, "test": test}
        bare = all(word in ("train", "val", "valid", "validation", "test") for word in layout.splits.values())
        if bare:  # others have their words within names
            changed = replace(changed, splits={split: drawn[split] for split in layout.splits})
    return changed


def _with_paths(layout: Layout, words: Mapping[str, str]) -> Layout:
    """The layout with words exchanged in its paths, where they are whole names of folders."""

    def exchange(path: str) -> str:
        return "/".join([*(words.get(part, part) for part in path.split("/")[:-1]), path.split("/")[-1]])

    images, labels = exchange(layout.images), exchange(layout.labels)
    if Path(images).parent == Path(labels).parent and Path(layout.images).parent != Path(layout.labels).parent:
        return layout  # both in one folder by chance
    options = {name: exchange(value) if name in PATHS else value for name, value in layout.options.items()}
    return replace(layout, images=images, labels=labels, options=options)


def _wrapped(layout: Layout, folder: str) -> Layout:
    """The layout one or two folders further down, as archives unpack."""
    options = {name: folder + value if name in PATHS else value for name, value in layout.options.items()}
    return replace(
        layout,
        images=folder + layout.images,
        labels=folder + layout.labels if layout.labels else "",
        also=tuple(folder + path for path in layout.also),
        at=folder + layout.at if layout.at != "." else ".",
        options=options,
    )


def _values_of_masks(layout: Layout, count: int) -> tuple[str, ...]:
    """What masks call their classes where no file names them: one object, or the numbers in the picture."""
    if layout.options.get("style") == "indexed":
        return tuple(str(value) for value in range(1, count + 1))
    return ("object",)


def _words(rng: Random, layout: Layout) -> Words:
    classes = rng.choice(CLASS_NAMES)
    if layout.options.get("style") in ("spaces", "commas", "bars", "semicolons") or layout.format == "unread":
        classes = tuple(name.replace(" ", "_") for name in classes)
    if layout.format == "masks" and "names" not in layout.options:
        classes = _values_of_masks(layout, len(classes))
    stems = rng.choice(STEMS)
    if rng.random() < 0.3:
        stems = tuple(unicodedata.normalize("NFD", stem) for stem in stems)
    return Words(classes, stems, layout.options.get("suffix") or rng.choice(SUFFIXES))


def _name_form(rng: Random, words: Words, layout: Layout) -> str:
    """How annotation files write the names of pictures: mostly as the files have them."""
    if rng.random() < 0.75 or layout.options.get("reference") in ("blob", "address"):
        return "same"
    if not words.stems[0].isascii():
        return rng.choice(("composed", "decomposed"))
    return "other case" if words.suffix.isupper() and layout.options.get("reference", "name") == "name" else "same"
