"""Reads .mynet files: the path of an image, a tab and its class in each line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vistry.plugin.data import ClassNames, Finding, FindingError, Locator, Reading, TableBuilder, split_of_word

TASK = "image_classification"


def fits(path: Path) -> bool:
    """Whether the path is, or holds, a .mynet file."""
    return bool(_files(path))


def guess_task(path: Path) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """One class an image."""
    return TASK, "one class a line"


def read(path: Path, task: str) -> Reading:
    """Every line of the files; a bad line is a finding and costs that line only."""
    if task != TASK:
        raise FindingError(Finding.of("task-mismatch", "this format has one class an image", path))
    root = (path if path.is_dir() else path.parent).resolve()
    builder, locator, findings = TableBuilder(root, "mynet"), Locator(root), []
    names = ClassNames(builder)
    for file in _files(path):
        index, split = builder.add_file(file), split_of_word(file.stem)
        for number, line in enumerate(_lines(file), start=1):
            try:
                image, name = _parse(line)
                builder.add(locator.locate(image), names.one(name), split, index, number)
            except FindingError as error:
                findings.append(replace(error.finding, file=str(file), line=number))
    findings += [*locator.remarks, *names.remarks(path)]
    return Reading(builder.build(), tuple(findings))


def _files(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if file.suffix == ".mynet" and file.is_file()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise FindingError(Finding.of("file-encoding", "this is not UTF-8", file)) from error


def _parse(line: str) -> tuple[str, str]:
    """Return the image and the class of a line. Raises FindingError, to which `read` adds file and line."""
    image, tab, name = line.partition("\t")
    if not tab:
        raise FindingError(Finding.of("line-invalid", "there is no tab between path and class"))
    return image, name
