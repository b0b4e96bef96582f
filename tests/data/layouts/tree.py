"""A layout as data, and the tree of files that it becomes."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from tests.data.layouts.truth import Picture, Truth

SPLITS = ("train", "validation", "test")
# How the name of a picture in an annotation file may differ from that of the file.
NAME_FORMS: dict[str, Callable[[str], str]] = {
    "same": lambda name: name,
    "composed": lambda name: unicodedata.normalize("NFC", name),
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "other case": str.lower,
}


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk.

    `name` and `source`: what it is called, and the repository or the page that shows it so. `format`: the name of a
    writer in `writers`. `kinds`: what it can hold: 'label', 'labels', 'boxes', 'masks'. `images` and `labels`:
    patterns of paths with {split}, {label}, {group}, {file} and {stem}. `splits`: the layout's word for each split it
    has. `options`: what else the writer wants to know. `also`: files that lie there too and describe nothing; those
    with {file} are pictures. `at`: what is named on the command line. `words`: what a refusal may call it.
    """

    name: str
    source: str
    format: str
    kinds: tuple[str, ...]
    images: str
    labels: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    at: str = "."
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """The files of a truth in a layout, below `root`."""

    root: Path
    layout: Layout
    truth: Truth

    def option(self, name: str, default: str = "") -> str:
        return self.layout.options.get(name, default)

    def fill(self, pattern: str, picture: Picture | None = None, *, split: str = "") -> str:
        """The path that a pattern stands for."""
        words = {"split": self.layout.splits.get(picture.split if picture else split, ""), "kind": self.truth.kind}
        if picture is not None:
            words |= {"file": picture.file, "stem": picture.stem}
            if picture.labels:
                words |= {"label": picture.label, "group": self.group(picture.label)}
        return str(PurePosixPath(pattern.format_map(words)))

    def group(self, label: str) -> str:
        """What classes are grouped by where a layout nests them."""
        return ("First kind", "Second kind")[self.truth.index(label) % 2]

    def image(self, picture: Picture) -> str:
        """Where a picture lies, below the root."""
        return self.fill(self.layout.images, picture)

    def reference(self, picture: Picture, file: str) -> str:
        """How an annotation file at a path names a picture."""
        path = self.image(picture)
        forms = {
            "name": picture.file,
            "stem": picture.stem,
            "root": path,
            "relative": os.path.relpath(path, str(PurePosixPath(file).parent)),
            "windows": "C:\\Users\\ann\\Desktop\\" + path.replace("/", "\\"),
            "foreign": f"/content/drive/MyDrive/project/{path}",
            "blob": f"azureml://subscriptions/1/resourcegroups/r/workspaces/w/datastores/blob/paths/{path}",
            "address": f"https://example.blob.core.windows.net/uploads/{picture.file}",
        }
        form = forms[self.option("reference", "name")]
        return NAME_FORMS[self.option("name_form", "same")](form)

    def write(self, path: str, text: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError(f"{path}: the layout '{self.layout.name}' puts two files there")
        target.write_bytes(text if isinstance(text, bytes) else text.encode(self.option("encoding", "utf-8")))

    def put(self, path: str, picture: Picture) -> None:
        """Put the pixels of a picture at a path, linked from a copy made once."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        made = _made_once(picture.number, picture.suffix.lower().endswith("png"))
        try:
            os.link(made, target)
        except OSError:  # another file system
            shutil.copyfile(made, target)

    def by_file(self, pattern: str) -> Iterator[tuple[str, list[Picture]]]:
        """Each annotation file of a pattern with its pictures: one for all, or one a split."""
        if "{split}" not in pattern:
            yield self.fill(pattern), list(self.truth.pictures)
            return
        for split in self.layout.splits:
            yield self.fill(pattern, split=split), self.truth.of(split)


@cache
def _made_once(number: int, is_png: bool) -> Path:
    path = _store() / f"{number}{'.png' if is_png else '.jpg'}"
    path.write_bytes(Picture(number, "", path.suffix).content)
    return path


@cache
def _store() -> Path:
    folder = tempfile.mkdtemp(prefix="pictures-")
    atexit.register(shutil.rmtree, folder, True)
    return Path(folder)
