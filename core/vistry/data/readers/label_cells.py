"""The labels in one cell of a table: a name, a list in JSON or Python, a tool's choices, or names with separators."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json

SEPARATORS = ("|", ";", ",", " ")
# These are never part of a name; commas and spaces often are.
PLAIN_SEPARATORS = ("|", ";")

# A word in quotes, or one without, in a list such as ['cat', "dog"] or [cat, dog]; NumPy's has no commas.
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ITEM = re.compile(rf"\s*({_QUOTED}|[^'\"\[\]{{}},]+)\s*(,|(?=['\"])|$)")

CellLabels = Callable[[str], list[str]]


def is_list(cell: str) -> bool:
    """Whether a cell holds a list, or an object, and no bare name."""
    return cell[:1] in ("[", "{") or (cell[:2] in ("('", '("') and cell[-1:] == ")")


def labels_of_list(cell: str) -> list[str]:
    """The names in a list. Raises FindingError that quotes the cell where it can't be read."""
    try:
        names = _from_json(json.loads(cell))
    except (ValueError, RecursionError):
        names = _from_python(cell)
    if names is None:
        message = f"the cell {cell!r:.80} looks like a list, and can't be read as one"
        remedy = 'write names with \'|\' between them, or a list such as ["cat", "dog"]'
        raise FindingError(Finding.of("label-invalid", message).advising(remedy))
    return names


def _from_json(value: Json) -> list[str] | None:
    """The names in a list of texts and whole numbers, or in a tool's object with `choices`."""
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if not isinstance(value, list):
        return None
    if len(value) == 1 and isinstance(value[0], dict):
        return _from_json(value[0])
    if not all(isinstance(item, str) or type(item) is int for item in value):
        return None
    return [str(item).strip() for item in value]


def _from_python(cell: str) -> list[str] | None:
    inside, at, names = cell[1:-1], 0, []
    if cell[:1] + cell[-1:] not in ("[]", "{}", "()"):
        return None
    while inside[at:].strip():
        item = _ITEM.match(inside, at)
        if item is None:
            return None
        names.append(_unquoted(item[1].strip()))
        at = item.end()
    return None if any(not name for name in names) else names


def _unquoted(word: str) -> str:
    if word[:1] not in ("'", '"'):
        return word
    try:
        return str(ast.literal_eval(word)).strip()
    except (ValueError, SyntaxError):
        return ""


def separator_of(cells: Iterable[str], *, is_plural: bool) -> str:
    """What separates several names in one cell of a column, or nothing.

    Commas and spaces may be part of names: they separate where every part stands alone in another cell, or, in a column
    whose name is plural, where the cells combine a few words in various numbers.
    """
    counts = Counter(cell for cell in cells if cell and not is_list(cell))
    for separator in PLAIN_SEPARATORS:
        if any(separator in cell for cell in counts):
            return separator
    for separator in (",", " "):
        joined = [parts(cell, separator) for cell in counts if separator in cell]
        alone = {cell for cell in counts if separator not in cell}
        if joined and _are_combined(joined, alone, is_plural=is_plural):
            return separator
    return ""


def _are_combined(joined: Sequence[list[str]], alone: set[str], *, is_plural: bool) -> bool:
    words = Counter(word for cell in joined for word in set(cell))
    if alone.issuperset(words):
        return True
    lengths = {len(cell) for cell in joined} | ({1} if alone else set())
    return is_plural and len(lengths) > 1 and len(words) < len(joined) and min(words.values()) > 1


def parts(cell: str, separator: str) -> list[str]:
    """The names in a cell between separators."""
    return [name for part in cell.split(separator) if (name := part.strip())]


def cell_reader(separator: str) -> CellLabels:
    """The function from a cell to its names, for a column with this separator, or none."""

    def read(cell: str) -> list[str]:
        if is_list(cell):
            return labels_of_list(cell)
        if separator:
            return parts(cell, separator)
        return [cell] if cell else []

    return read
