"""Which of several annotation files of one format are the data set: those for splits, or all that don't overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.tool_addresses import ImageNames
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED


@dataclass(frozen=True)
class Candidate:
    """A file that could be read, and the images that a sample of it is about."""

    file: AnnotationFile
    images: frozenset[str]


def candidate(file: AnnotationFile, named: Iterable[str], names: ImageNames) -> Candidate:
    """A file with the images of a sample of the names in it."""
    images = set()
    for name in named:
        try:
            images.add(names.find(name, file.path))
        except FindingError:
            images.add(f"{file.path.parent}/{name}")
    return Candidate(file, frozenset(images))


def choose(candidates: Sequence[Candidate], source: DataSource) -> tuple[list[AnnotationFile], list[Finding]]:
    """The files to read, and a finding for each that is left out.

    Files named for splits are read; another one too where it is about other images. Of files for the same split, or for
    none, several are read where each is about images of its own. Raises FindingError where they overlap.
    """
    by_split = sorted(candidates, key=lambda one: one.file.split == UNASSIGNED)
    chosen: list[Candidate] = []
    findings: list[Finding] = []
    for one in by_split:
        rivals = [other for other in chosen if one.images & other.images]
        if any(other.file.split == one.file.split for other in rivals):
            raise FindingError(_ambiguous(candidates, source))
        if rivals and one.file.split == UNASSIGNED:
            others = ", ".join(source.relative(other.file.path) for other in rivals[:3])
            message = f"left out, because {others} is about the same images"
            findings.append(Finding.of("table-ignored", message, one.file.path))
            continue
        chosen.append(one)
    return [one.file for one in candidates if one in chosen], findings


def _ambiguous(candidates: Sequence[Candidate], source: DataSource) -> Finding:
    files = [source.relative(one.file.path) for one in candidates]
    shown = ", ".join(files[:5])
    unnamed = all(one.file.split == UNASSIGNED for one in candidates)
    reason = "none named train*, validation* or test*" if unnamed else "of which some are about the same images"
    message = f"{len(files)} annotation files ({shown}), {reason}"
    return Finding.of("format-ambiguous", message, source.path).advising("name one of the files")
