"""Reading YAML, the same for every file that Vistry reads: the core schema of YAML 1.2, or plain words as written.

By the rules of YAML 1.1 `off` is false, `010` is 8, `1:30` is 90 and `1_6` is 16. People who write a config file or the
names of classes mean none of these. `010` is 10 here, and the others are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

YamlValue = str | int | float | bool | list["YamlValue"] | dict[str, "YamlValue"] | None

MAX_DEPTH = 50
# What aliases may add: without them a file has no more values than characters.
MAX_REPEATED_VALUES = 10_000
# The tag of a word without quotes and without a tag of its own.
_PLAIN = "!plain"
_TAG = "tag:yaml.org,2002:"
_TYPED = ("null", "bool", "int", "float")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class YamlError(Exception):
    """A file that isn't YAML, or isn't UTF-8: what is wrong, and the line (None where there is none)."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class YamlFile:
    """What a file holds, None where it is empty; and the line of each key at its top, from 1."""

    values: YamlValue
    lines: Mapping[str, int]
    root: yaml.Node | None = field(default=None, repr=False, compare=False)

    def line(self, *path: str | int) -> int:
        """The line of a value at any depth, by the keys and the places from 0 that lead to it.

        That of a value in a mapping is its key's. Where the path goes further than the file, it is that of the last
        value on the way.
        """
        node, line = self.root, 1
        for step in path:
            key, node = _child(node, step)
            if key is None:
                break
            line = _line(key)
        return line


def read_yaml(path: Path, *, as_text: bool = False) -> YamlFile:
    """Read a YAML file. Keys are text as written, whatever they look like.

    Without `as_text`, words without quotes are null, true, false and numbers as YAML 1.2 has them; with it, they are
    text as written, an empty value is "", and `1.10`, `010`, `off` and `null` are no exceptions. Raises YamlError also
    where a mapping sets a key twice, or a tag asks for anything else than text, numbers, lists and mappings; OSError
    where the file can't be read.
    """
    return parse_yaml(_decoded(path.read_bytes()), as_text=as_text)


def parse_yaml(text: str, *, as_text: bool = False) -> YamlFile:
    """What `read_yaml` does, of a text."""
    import yaml

    try:
        root = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        reason = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        raise YamlError(f"not valid YAML: {reason}", line) from None
    except yaml.YAMLError as error:
        raise YamlError(f"not valid YAML: {' '.join(str(error).split())[:80]}") from None
    except RecursionError:
        raise YamlError(f"nested more than {MAX_DEPTH} levels deep") from None
    if root is None:
        return YamlFile(None, {})
    values = _Construction(as_text, budget=len(text) + MAX_REPEATED_VALUES).value(root)
    return YamlFile(values, dict(_lines(root)), root)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise YamlError("is not UTF-8 text; save the file as UTF-8", line) from None


def _loader() -> type[yaml.SafeLoader]:
    """The library's loader without YAML 1.1's types: a word without quotes has the tag `_PLAIN`."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {None: [(_PLAIN, re.compile(""))]}  # noqa: RUF012

    return Loader


def _lines(root: yaml.Node) -> Iterator[tuple[str, int]]:
    for key, _ in root.value if _kind(root) == "mapping" else ():
        yield key.value, key.start_mark.line + 1


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """What marks the place of a value inside of a node, and the value; None twice where there is none."""
    kind = "" if node is None else _kind(node)
    if node is not None and kind == "mapping":
        return next(((key, item) for key, item in node.value if key.value == step), (None, None))
    if node is not None and kind == "sequence" and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None, None


class _Construction:
    """Makes plain values of nodes, no more than a budget of them."""

    def __init__(self, as_text: bool, budget: int):
        self._as_text = as_text
        self._budget = budget

    def value(self, node: yaml.Node, depth: int = 0) -> YamlValue:
        self._budget -= 1
        if self._budget < 0:
            raise YamlError(f"aliases repeat more than {MAX_REPEATED_VALUES:,} values", _line(node))
        if depth > MAX_DEPTH:
            raise YamlError(f"nested more than {MAX_DEPTH} levels deep", _line(node))
        if _kind(node) == "scalar":
            return self._scalar(node)
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            raise _refused_tag(node)
        if _kind(node) == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: yaml.Node, depth: int) -> dict[str, YamlValue]:
        values: dict[str, YamlValue] = {}
        for key, item in node.value:
            if _kind(key) != "scalar":
                raise YamlError("a key is a list or a mapping, and must be text or a number", _line(key))
            if key.value in values:
                raise YamlError(f"'{key.value:.80}' is set twice; keep one", _line(key))
            values[key.value] = self.value(item, depth + 1)
        return values

    def _scalar(self, node: yaml.Node) -> YamlValue:
        text: str = node.value
        if node.tag == _PLAIN:
            return text if self._as_text else _resolved(text)
        if node.tag in (_TAG + "str", "!"):
            return text
        if node.tag not in [_TAG + name for name in _TYPED]:
            raise _refused_tag(node)
        return text if self._as_text else _resolved(text)


def _resolved(text: str) -> YamlValue:
    """A word without quotes by the core schema of YAML 1.2, section 10.3.2."""
    word = text if text in _WORDS else text.lower() if text in (text.upper(), text.capitalize()) else None
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(text):
        return int(text[2:], {"o": 8, "x": 16}[text[1]]) if text[1:2] in ("o", "x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.lower().replace(".", "")) if _NOT_FINITE.fullmatch(text) else text


def _kind(node: yaml.Node) -> str:
    """What a node is: scalar, sequence or mapping."""
    return type(node).__name__.removesuffix("Node").lower()


def _refused_tag(node: yaml.Node) -> YamlError:
    tag = node.tag.replace(_TAG, "!!")
    return YamlError(f"the tag {tag:.80} isn't read; write text, numbers, lists and mappings", _line(node))


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1
