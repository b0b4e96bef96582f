"""What lies in data sets beside the data: stray files, broken and missing items, folders that don't belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.data.layouts.judge import Expected
from tests.data.layouts.tree import Layout, Tree
from tests.data.layouts.truth import POOL, Picture, Truth

STRAY_FILES = (
    ("README.md", b"# The data\n"),
    (".DS_Store", b"\x00\x00\x00\x01Bud1"),
    ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
    ("requirements.txt", b"numpy\nopencv-python\n"),
    ("convert.py", b"print('converted')\n"),
    ("LICENSE", b"CC BY 4.0\n"),
)

DOCUMENTATION = "docs"


@dataclass(frozen=True)
class Dirt:
    """One kind of dirt, how often it is drawn, where it makes sense, and what it does to a tree and the truth."""

    name: str
    share: float
    fits: Callable[[Layout, Truth], bool]
    spoil: Callable[[Tree, Expected], Expected]


def _stray_files(tree: Tree, expected: Expected) -> Expected:
    folder = tree.image(tree.truth.pictures[0]).rpartition("/")[0]
    for name, content in (*STRAY_FILES, (f"{folder}/.DS_Store", b"\x00\x00\x00\x01Bud1")):
        if not (tree.root / name.lstrip("/")).exists():
            tree.write(name.lstrip("/"), content)
    tree.write(f"__MACOSX/{folder}/._{tree.truth.pictures[0].file}", b"\x00\x05\x16\x07")
    return expected


def _picture_missing(tree: Tree, expected: Expected) -> Expected:
    """One picture that is described isn't there."""
    gone = tree.truth.pictures[-1]
    (tree.root / tree.image(gone)).unlink()
    return _without(expected, gone)


def _picture_empty(tree: Tree, expected: Expected) -> Expected:
    """One picture has no bytes."""
    gone = tree.truth.pictures[-2]
    path = tree.root / tree.image(gone)
    path.unlink()
    path.write_bytes(b"")
    return _without(expected, gone)


def _annotation_without_picture(tree: Tree, expected: Expected) -> Expected:
    """A file of annotations too many."""
    first = next(picture for picture in tree.truth.pictures if picture.labels)
    path = tree.root / tree.fill(tree.layout.labels, first)
    text = path.read_text(encoding="utf-8").replace(first.stem, "left_over")
    path.with_name(path.name.replace(first.stem, "left_over")).write_text(text, encoding="utf-8")
    return replace(expected, lost=(*expected.lost, "left_over"))


def _unrelated_folders(tree: Tree, expected: Expected) -> Expected:
    """Pictures of the documentation, and samples of the results."""
    strays = [Picture(POOL + 20 + at, f"figure{at}", ".png") for at in range(3)]
    tree.put(f"{DOCUMENTATION}/figure0.png", strays[0])
    tree.put("samples/figure1.png", strays[1])
    tree.put("samples/figure2.png", strays[2])
    tree.write(f"{DOCUMENTATION}/index.md", "# Documentation\n")
    return replace(expected, lost=(*expected.lost, f"{DOCUMENTATION}/", "samples/"))


def _without(expected: Expected, gone: Picture) -> Expected:
    left = tuple(picture for picture in expected.pictures if picture.number != gone.number)
    return Expected(left, (*expected.lost, gone.file))


def _always(layout: Layout, truth: Truth) -> bool:
    return True


def _is_described(layout: Layout, truth: Truth) -> bool:
    return bool(layout.labels)


def _has_a_file_an_image(layout: Layout, truth: Truth) -> bool:
    return layout.format in ("voc", "yolo", "labelme")


DIRT = (
    Dirt("stray files", 0.5, _always, _stray_files),
    Dirt("picture missing", 0.15, _is_described, _picture_missing),
    Dirt("picture empty", 0.1, _always, _picture_empty),
    Dirt("annotation without picture", 0.15, _has_a_file_an_image, _annotation_without_picture),
    Dirt("unrelated folders", 0.25, _always, _unrelated_folders),
)
