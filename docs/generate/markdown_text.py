"""Markdown from Python values."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; line breaks in a cell become spaces, and bars are escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page(*parts: str) -> str:
    """The parts that aren't empty, with a blank line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
