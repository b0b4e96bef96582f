"""Parse the JSON of annotation files: repeated keys are noticed, and a large file is parsed piece by piece."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json

T = TypeVar("T")

BLOCK = 1 << 22
_SPACE = re.compile(r"[ \t\r\n]*")
# A number that ends near the end of the text read so far may go on in the next block.
_MARGIN = 64


class Repeated(dict[str, Json]):
    """A JSON object that names a key twice, of which the last value is kept."""


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    record = dict(pairs)
    return record if len(record) == len(pairs) else Repeated(record)


DECODER = json.JSONDecoder(object_pairs_hook=_object)


def check_encoding(path: Path) -> None:
    """Raise FindingError for a file whose first bytes are those of UTF-16."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        raise FindingError(Finding.of("file-encoding", "this is UTF-16, and Vistry reads UTF-8", path))


def elements(path: Path) -> Iterator[tuple[str, int, Json]]:
    """(key, line, value) of what the JSON object in a file holds; of a key with a list, each element on its own.

    Only the element at hand is in memory, and a block of text. Raises FindingError with the line of what isn't JSON.
    """
    return _parsed(path, _members)


def items(path: Path) -> Iterator[tuple[int, Json]]:
    """(line, value) of what the JSON list in a file holds, in the way of `elements`."""
    return _parsed(path, _listed)


def whole(path: Path) -> Json:
    """What a JSON file holds. Raises FindingError with the line of what isn't JSON."""
    return next(_parsed(path, lambda text: iter((text.value(),))))


def _parsed(path: Path, parse: Callable[[_Text], Iterator[T]]) -> Iterator[T]:
    check_encoding(path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        text = _Text(stream)
        try:
            yield from parse(text)
        except UnicodeDecodeError as error:
            message = f"not UTF-8 (byte {error.start + 1} of a block)"
            raise FindingError(Finding.of("file-encoding", message, path)) from error
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise FindingError(Finding.of("line-invalid", f"not JSON: {reason}", path, line=text.line)) from error


def _listed(text: _Text) -> Iterator[tuple[int, Json]]:
    text.expect("[")
    yield from _items(text)


def documents(path: Path) -> Iterator[Iterator[tuple[str, int, Json]]]:
    """The `elements` of the JSON object in a file, or of each of a list of such objects, which is read at once."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        begins_with = stream.read(BLOCK).lstrip()[:1]
    if begins_with != "[":
        yield elements(path)
        return
    for document in read_list(path):
        if isinstance(document, dict):
            yield _listed_members(document)


def read_list(path: Path) -> list[Json]:
    """The JSON list in a file. Raises FindingError with the line of what isn't JSON."""
    check_encoding(path)
    try:
        listed = DECODER.decode(path.read_text(encoding="utf-8-sig").strip())
    except (ValueError, RecursionError) as error:
        line, reason = getattr(error, "lineno", None), getattr(error, "msg", "not UTF-8, or nested too deeply")
        raise FindingError(Finding.of("line-invalid", f"not JSON: {reason}", path, line=line)) from error
    if not isinstance(listed, list):
        raise FindingError(Finding.of("line-invalid", "not a JSON list", path, line=1))
    return listed


def _listed_members(document: dict[str, Json]) -> Iterator[tuple[str, int, Json]]:
    for key, value in document.items():
        for item in value if isinstance(value, list) else [value]:
            yield key, 1, item


def _members(text: _Text) -> Iterator[tuple[str, int, Json]]:
    text.expect("{")
    if text.accept("}"):
        return
    while True:
        key = text.value()
        text.expect(":")
        if text.accept("["):
            for line, value in _items(text):
                yield key, line, value
        else:
            yield key, text.line, text.value()
        if not text.accept(","):
            break
    text.expect("}")


def _items(text: _Text) -> Iterator[tuple[int, Json]]:
    if text.accept("]"):
        return
    while True:
        text.skip_space()
        yield text.line, text.value()
        if not text.accept(","):
            break
    text.expect("]")


class _Text:
    """A window on a file's text that moves on as values are taken from its front."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._text = ""
        self._at = 0
        self._counted = 0
        self._line = 1
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the place reached."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def value(self) -> Json:
        """Take the next value, with as much text as it needs."""
        self.skip_space()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            else:
                if self._ended or end + _MARGIN < len(self._text):
                    self._at = end
                    return value
            self._read_on()

    def expect(self, character: str) -> None:
        """Take this character. Raises JSONDecodeError where another one comes."""
        if not self.accept(character):
            raise json.JSONDecodeError(f"expecting '{character}'", "", 0)

    def accept(self, character: str) -> bool:
        """Take this character if it comes next."""
        self.skip_space()
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def skip_space(self) -> None:
        """Go to the next character that isn't space."""
        while self._text[self._at : self._at + 1] <= " ":
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or self._ended:
                return
            self._read_on()

    def _read_on(self) -> None:
        rest, self._line = self._text[self._at :], self.line
        block = self._stream.read(max(BLOCK, len(rest)))
        self._text, self._at, self._counted = rest + block, 0, 0
        self._ended = not block


def repeated(place: str) -> Finding:
    """The finding for a JSON object that names a key twice."""
    return Finding.of("key-repeated", f"{place} names a key twice")
