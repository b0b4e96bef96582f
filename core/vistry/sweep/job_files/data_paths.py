"""Where the images of a job are: folders of this machine that the file names, or that `--data NAME=PATH` does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vistry.data.findings import FindingError
from vistry.data.readers.addresses import is_address
from vistry.data.readers.mltable import check_tables
from vistry.errors import Problem, VistryError, suggestion
from vistry.sweep.job_files.document import Node, Remarks, mapping, refuse_unknown, shown, snake_case
from vistry.sweep.job_files.scalars import number, word

# What `--data NAME=PATH` may say for each key of the file.
_NAMES = {
    "training_data": ("train", "training", "training_data"),
    "validation_data": ("validation", "valid", "val", "validation_data"),
    "test_data": ("test", "test_data"),
}
_SHORT = {"training_data": "train", "validation_data": "validation", "test_data": "test"}
_EXAMPLE = "{type: mltable, path: ./folder}"


@dataclass(frozen=True)
class JobData:
    """Paths of a job's data, None where the file says nothing; `training` is None where it is refused."""

    training: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    validation_size: float | None = None


@dataclass
class DataMap:
    """The paths of `--data NAME=PATH`, by name or by reference, and which of them were used."""

    paths: Mapping[str, Path] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def of_key(self, key: str) -> Path | None:
        """The path that is given for a key of the file."""
        return self._first(_NAMES[key])

    def of_reference(self, reference: str) -> Path | None:
        """The path that is given for a reference such as `azureml:boards:3`, with or without its ends."""
        bare = reference.removeprefix("azureml:")
        unversioned = re.split(r"[:@]", bare)[0]
        return self._first((reference, bare, unversioned, f"azureml:{unversioned}"))

    def unused(self) -> list[str]:
        """The names that mean nothing in the file."""
        return [name for name in self.paths if name not in self.used]

    def _first(self, names: Iterable[str]) -> Path | None:
        match = next((name for name in names if name in self.paths), None)
        if match is None:
            return None
        self.used.add(match)
        return self.paths[match]


def data_map(texts: Iterable[str]) -> dict[str, Path]:
    """The paths of texts such as `train=folder`. Raises VistryError."""
    paths: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise VistryError(f"--data {text}: expected NAME=PATH; write --data train=FOLDER, say")
        if name in paths:
            raise VistryError(f"--data {name}=... is given twice; give it once")
        paths[name] = Path(path)
    return paths


def data_of(document: Node, given: Mapping[str, Path], remarks: Remarks) -> JobData:
    """The job's data, each path checked to be there."""
    places = DataMap(given)
    paths = {key: _path(document, key, places, remarks=remarks) for key in _NAMES}
    if document.get("training_data") is None and paths["training_data"] is None:
        remarks.refuse(document, "training_data is missing", f"write training_data: {_EXAMPLE}")
    for name in places.unused():
        known = [*_SHORT.values(), *_references(document)]
        remarks.add(Problem(f"--data {name}", "the job has no data of this name", suggestion(name, known)))
    size = _size(document, remarks)
    if size is not None and paths["validation_data"] is not None:
        node = document.get("validation_data_size") or document
        remarks.say(node, "has no effect beside validation_data")
        size = None
    if paths["test_data"] is not None:
        node = document.get("test_data") or document
        remarks.say(node, "the best run is measured on it at the end; the product ignores it for images")
    return JobData(
        paths["training_data"],
        paths["validation_data"],
        test=paths["test_data"],
        validation_size=size,
    )


def _references(document: Node) -> list[str]:
    paths = [section.get("path") for key in _NAMES if (section := document.get(key)) is not None]
    return [str(path.value) for path in paths if path is not None and is_remote(path.value)]


def _path(document: Node, key: str, places: DataMap, remarks: Remarks) -> Path | None:
    """The path of one key: what is given for it, else what the file says, relative to the file."""
    given = places.of_key(key)
    section = mapping(document.get(key), remarks, f"{key}: {_EXAMPLE}")
    if section is not None:
        _check_section(section, remarks)
    node = section.get("path") if section else None
    if given is not None:
        return _existing(given, Problem(f"--data {_SHORT[key]}", ""), remarks)
    if section is None:
        return None
    if node is None:
        remarks.refuse(section, "path is missing", f"write {key}: {_EXAMPLE}")
        return None
    text = word(node, remarks)
    if text is None:
        return None
    if (mapped := places.of_reference(text)) is not None:
        return _existing(mapped, Problem(f"--data {text}", ""), remarks)
    if is_remote(text):
        remedy = f"name the folder of this machine: --data {_SHORT[key]}=PATH"
        remarks.refuse(node, f"'{text}' is not on this machine", remedy)
        return None
    return _existing(document.path.parent / text, Problem(f"{node.where}: {node.name}", ""), remarks)


def is_remote(path: object) -> bool:
    """Whether a path is an address or a reference of the product, and not one of this machine."""
    return isinstance(path, str) and is_address(path)


def _check_section(section: Node, remarks: Remarks) -> None:
    refuse_unknown(section, ("type", "path", "mode", "description", "name", "version"), remarks)
    kind = section.get("type")
    if kind is not None and snake_case(str(kind.value)) not in ("mltable", "ml_table"):
        remarks.refuse(kind, f"must be mltable, got {shown(kind.value)}", "a folder that Vistry reads is one, too")
    if (mode := section.get("mode")) is not None:
        remarks.say(mode, "has no effect: the images are read where they are")


def _existing(path: Path, problem: Problem, remarks: Remarks) -> Path | None:
    if not path.exists():
        remarks.add(Problem(problem.field, f"there is no file or folder {path}", "name it with --data NAME=PATH"))
        return None
    try:
        check_tables(path)
    except FindingError as error:
        remarks.add(Problem("", str(error)))
    return path


def _size(document: Node, remarks: Remarks) -> float | None:
    node = document.get("validation_data_size")
    value = number(node, remarks, "a share between 0 and 1")
    if node is not None and value is not None and not 0 < value < 1:
        remedy = f"write {value / 100:g}" if 1 < value < 100 else ""
        remarks.refuse(node, f"must be a share between 0 and 1, got {shown(node.value)}", remedy)
        return None
    return value
