"""A self-contained page: its head, its navigation, its sections, and the one script that it may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from vistry.report.markup import element
from vistry.report.section import Section


def html_page(title: str, header: Markup, sections: Sequence[Section]) -> str:
    """Return a page that requests nothing from the network."""
    main = element("main", *[section.markup() for section in sections])
    body = element("body", header, _navigation(sections), main, _script())
    html = Markup("<!doctype html>\n") + element("html", _head(title), body, lang="en")
    # A file name may hold lone surrogates, which UTF-8 can't encode.
    return html.encode("utf-8", "replace").decode("utf-8")


def _navigation(sections: Sequence[Section]) -> Markup:
    return element("nav", *[element("a", section.title, href=f"#{section.anchor}") for section in sections])


def _head(title: str) -> Markup:
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_script_hash()}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(_asset("style.css"))),
    )


def _script() -> Markup:
    return element("script", Markup(_asset("sort.js")))


def _script_hash() -> str:
    """Return the hash by which the policy allows this script and no other."""
    return base64.b64encode(hashlib.sha256(_asset("sort.js").encode()).digest()).decode("ascii")


@cache
def _asset(name: str) -> str:
    return files("vistry.report").joinpath(name).read_text(encoding="utf-8")
