"""Elements of HTML and SVG. Text is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from vistry.report.shortening import shortened

Content = str | Markup | int
# Letters; a longer name would push what stands beside it out of the page.
LONGEST_NAME = 48
# Elements of HTML that have no end tag.
VOID = {"img", "meta"}


def element(name: str, /, *content: Content, **attributes: object) -> Markup:
    """Return an element with its content, which is escaped unless it is Markup.

    In the names of attributes a trailing underscore is dropped and others become hyphens. An attribute whose value is
    None or False is left out.
    """
    opening = Markup("").join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{joined(content)}</{name}>")


def joined(parts: Iterable[Content]) -> Markup:
    """Concatenate the parts, escaping those that aren't Markup."""
    return Markup("").join(str(part) if isinstance(part, int) else part for part in parts)


def text_of(text: str) -> Markup:
    """Return text from outside, isolated from the direction of the text around it."""
    return element("bdi", text)


def name_of(text: str) -> Markup:
    """Return a name from outside, cut if it is very long; its title has the whole name."""
    short = shortened(text, LONGEST_NAME)
    return element("bdi", short, title=None if short == text else text)


def _attribute(key: str, value: object) -> Markup:
    if value is None or value is False:
        return Markup("")
    text = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
    return Markup(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
