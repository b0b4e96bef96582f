"""A figure at the top of a page."""

from __future__ import annotations

from markupsafe import Markup

from vistry.report.markup import Content, element


def tile(name: str, value: Content, more: Content, *, main: bool = False) -> Markup:
    """Draw a figure with its name above and a few words below; the main one of a page stands out."""
    parts = [element("span", name, class_="of"), element("strong", value), element("span", more, class_="more")]
    return element("div", *parts, class_="tile main" if main else "tile")
