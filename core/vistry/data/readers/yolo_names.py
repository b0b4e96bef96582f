"""Files of class names, a line each, and which of those in a data set is meant."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vistry.data.findings import Finding, FindingError

# In the order in which they are believed. `*.names` is darknet's, `_darknet.labels` Roboflow's.
FILES = ("obj.names", "classes.txt", "_darknet.labels", "class_names.txt", "classnames.txt", "names.txt", "labels.txt")
LAST = ("predefined_classes.txt",)
SUFFIXES = (".names", ".labels", ".txt")


def read_names(path: Path) -> dict[int, str]:
    """The names by number, from 0. Raises FindingError for a file that isn't UTF-8."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FindingError(Finding.of("file-encoding", f"not UTF-8 at byte {error.start + 1}", path)) from error
    return dict(enumerate(line.strip() for line in lines if line.strip()))


def is_names_file(path: Path) -> bool:
    """Whether a file is called as one of class names."""
    return path.suffix.lower() == ".names" or path.name.lower() in FILES + LAST


def names_near(files: Sequence[Path], labels: Path) -> tuple[dict[int, str], Path | None, list[Finding]]:
    """The names in the best of several files, that file, and a finding where others differ.

    `labels`: the folder with the most text files; of files of one kind the nearest to it is the best.
    """
    if not files:
        return {}, None, []
    ranked = sorted(files, key=lambda file: (_rank(file), len(Path(os.path.relpath(file, labels)).parts), str(file)))
    contents = {file: read_names(file) for file in ranked}
    best = next((file for file in ranked if contents[file]), ranked[0])
    differing = [file for file in ranked if contents[file] not in (contents[best], {}) and _rank(file) < len(FILES) + 1]
    findings = []
    if differing:
        message = f"the class names are those of {best.name}; {differing[0]} has others"
        findings.append(Finding.of("class-names-differ", message, best, count=len(differing)))
    return contents[best], best, findings


def _rank(file: Path) -> int:
    name = file.name.lower()
    if name in FILES:
        return FILES.index(name) + 1 if name != "obj.names" else 0
    return 0 if file.suffix.lower() == ".names" else len(FILES) + 1
