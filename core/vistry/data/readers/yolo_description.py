"""What data.yaml, or darknet's .data file, says: names of classes, and where the images of each split are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json
from vistry.data.readers.split_words import split_of_word
from vistry.data.readers.yolo_names import read_names
from vistry.data.table import UNASSIGNED
from vistry.yaml_text import YamlError, read_yaml

YAML, DARKNET = (".yaml", ".yml"), (".data",)
# A description is a page of text at most; a file of more is something else.
MAX_BYTES = 1 << 20
_NAMES = re.compile(rb"(?:^|[{,\s])['\"]?names['\"]?\s*[:=]", re.MULTILINE)
_PLACE = re.compile(rb"^[-{\s]*['\"]?(train|valid|val|validation|test)\b", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Description:
    """`places`: (split, folder or list of images) as written. `base`: the folder they are in, as written, or nothing.

    `pose`: how many numbers a line with key points has after the class, or 0.
    """

    file: Path
    names: dict[int, str]
    places: tuple[tuple[int, str], ...]
    base: str = ""
    pose: int = 0


def is_description(path: Path) -> bool:
    """Whether a file may be a description: it has the words of one."""
    if path.suffix.lower() not in YAML + DARKNET or path.stat().st_size > MAX_BYTES:
        return False
    text = path.read_bytes().replace(b"\0", b"")
    return _NAMES.search(text) is not None and _PLACE.search(text) is not None


def names_classes(path: Path) -> bool:
    """Whether a YAML file may have names of classes, also without places of images, as some tools write it."""
    return path.stat().st_size <= MAX_BYTES and _NAMES.search(path.read_bytes()) is not None


def read_description(path: Path) -> Description:
    """Read a description. Raises FindingError where it contradicts itself or can't be read."""
    return _darknet(path) if path.suffix.lower() in DARKNET else _yaml(path)


def locate(description: Description, place: str, around: Sequence[Path]) -> Path | None:
    """The folder or file that a place of a description is: where it says, else the longest tail that there is.

    `around`: folders that tails are looked for in. A tail keeps the word for a split that the place has.
    """
    here = description.file.parent
    bases = [here / description.base, here] if description.base else [here]
    for base in bases:
        target = Path(os.path.normpath(base / place))
        if target.exists():
            return target
    whole = f"{description.base}/{place}" if description.base else place
    parts = [part for part in whole.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    last = max((at for at, part in enumerate(parts) if split_of_word(part) != UNASSIGNED), default=len(parts) - 1)
    for start in range(min(last + 1, len(parts))):
        for base in dict.fromkeys([*bases, *around]):
            target = Path(os.path.normpath(base.joinpath(*parts[start:])))
            if target.exists():
                return target
    return None


def _yaml(path: Path) -> Description:
    content = _mapping(path)
    names = _class_names(content["names"], path) if "names" in content else {}
    count = str(content.get("nc", len(names)))
    if names and count != str(len(names)):
        message = f"nc is {count:.20}, but names lists {len(names)}: {', '.join(list(names.values())[:5])}"
        raise FindingError(Finding.of("class-names", message, path))
    base = content.get("path", "")
    pose = _pose_length(content.get("kpt_shape"))
    return Description(
        path, names, places=tuple(_places(content)), base=base if isinstance(base, str) else "", pose=pose
    )


def _mapping(path: Path) -> dict[str, Json]:
    try:
        content = read_yaml(path, as_text=True).values
    except YamlError as error:
        raise FindingError(
            Finding.of("line-invalid", f"not YAML: {error.message:.80}", path, line=error.line)
        ) from None
    if not isinstance(content, dict):
        raise FindingError(Finding.of("class-names", "the file names no classes", path))
    return content


def _places(content: dict[str, Json]) -> Iterator[tuple[int, str]]:
    for key, value in content.items():
        split = split_of_word(key)
        if split != UNASSIGNED:
            places = value if isinstance(value, list) else [value]
            yield from ((split, place) for place in places if isinstance(place, str) and place.strip())


def _class_names(value: Json, path: Path) -> dict[int, str]:
    """Names by number, from a list, a mapping, or the name of a file with a name a line."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    elif isinstance(value, str) and (path.parent / value).is_file():
        value = read_names(path.parent / value)
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value.values()):
        try:
            return {int(number): name for number, name in value.items()}
        except ValueError:
            pass
    message = f"'names' is {value!r:.60}, not a list of class names or names by number"
    raise FindingError(Finding.of("class-names", message, path))


def _pose_length(shape: Json) -> int:
    """The numbers of a box and of [number of key points, numbers of each]."""
    try:
        points, per_point = map(int, shape)
    except (TypeError, ValueError):
        return 0
    return 4 + points * per_point if 0 < points < 1_000 and per_point in (2, 3) else 0


def _darknet(path: Path) -> Description:
    """A file of lines such as `train = data/train.txt`, whose paths are from where darknet is started."""
    content: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith("#"):
            content[key.strip()] = value.strip()
    places = tuple(
        (split, place) for key, place in content.items() if (split := split_of_word(key)) != UNASSIGNED and place
    )
    description = Description(path, {}, places)
    file = locate(description, content.get("names", ""), path.parents[1:3]) if content.get("names") else None
    return Description(path, read_names(file) if file is not None and file.is_file() else {}, places)
