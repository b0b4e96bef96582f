"""Sections, of which the page consists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.report.markup import Content, element, joined


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor, its title, a sentence on how to read it, and its parts."""

    anchor: str
    title: str
    note: Content
    parts: Sequence[Markup]

    def markup(self) -> Markup:
        """Return the section as HTML."""
        note = element("p", self.note, class_="note") if self.note else Markup("")
        return element("section", element("h2", self.title), note, joined(self.parts), id=self.anchor)
