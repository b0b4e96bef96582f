"""HTML and SVG as values: text is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from vistry.report.shortening import shortened

Content = str | Markup | int
LONGEST_NAME = 48
VOID = {"img", "meta"}


def element(name: str, /, *content: Content, **attributes: object) -> Markup:
    """An element with its content, escaped unless it is Markup itself.

    In a keyword a trailing underscore is dropped and others become hyphens; None and False leave the attribute out.
    """
    opening = Markup("").join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{joined(content)}</{name}>")


def joined(parts: Iterable[Content]) -> Markup:
    """The parts one after the other."""
    return Markup("").join(str(part) if isinstance(part, int) else part for part in parts)


def text_of(text: str) -> Markup:
    """Words somebody else chose: kept apart from the direction of the text around them."""
    return element("bdi", text)


def name_of(text: str) -> Markup:
    """A name somebody else chose, cut where it is very long; the whole of it on pointing at it."""
    short = shortened(text, LONGEST_NAME)
    return element("bdi", short, title=None if short == text else text)


def _attribute(key: str, value: object) -> Markup:
    if value is None or value is False:
        return Markup("")
    shown = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
    return Markup(f' {key.rstrip("_").replace("_", "-")}="{escape(shown)}"')
