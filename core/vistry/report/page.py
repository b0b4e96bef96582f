"""A run's report: one self-contained page that asks nothing of the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from vistry.report.data_section import data
from vistry.report.headline import headline
from vistry.report.markup import element
from vistry.report.run_contents import Contents, contents_of
from vistry.report.section import Section
from vistry.report.settings_section import settings
from vistry.report.training_sections import curves, metrics, timings
from vistry.runs.folder import Run
from vistry.task import behaviour_of

REPORT = "report.html"


def page_of(run: Run) -> str:
    """The whole page as HTML. Raises RunError where the folder is no run."""
    contents = contents_of(run)
    sections = sections_of(contents)
    body = element("body", headline(contents), _navigation(sections), element("main", *_shown(sections)), _script())
    title = f"{contents.record.model.name} · {contents.run.id}"
    html = Markup("<!doctype html>\n") + element("html", _head(title), body, lang="en")
    return html.encode("utf-8", "replace").decode("utf-8")


def sections_of(contents: Contents) -> list[Section]:
    """The page's parts in order; the middle ones are the task's own."""
    parts = [curves(contents), *_of_the_task(contents), metrics(contents), data(contents), settings(contents)]
    return [part for part in [*parts, timings(contents)] if part is not None]


def _of_the_task(contents: Contents) -> Sequence[Section]:
    if contents.inputs is None:
        return [Section("evaluation", "Evaluation", contents.reason, [])]
    return behaviour_of(contents.record.task).report_sections(contents.inputs)


def _shown(sections: Sequence[Section]) -> list[Markup]:
    return [section.markup() for section in sections]


def _navigation(sections: Sequence[Section]) -> Markup:
    return element("nav", *[element("a", section.title, href=f"#{section.anchor}") for section in sections])


def _head(title: str) -> Markup:
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_fingerprint()}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(_text("style.css"))),
    )


def _script() -> Markup:
    return element("script", Markup(_text("sort.js")))


def _fingerprint() -> str:
    """What allows the page's one script to run, and no other."""
    return base64.b64encode(hashlib.sha256(_text("sort.js").encode()).digest()).decode("ascii")


@cache
def _text(name: str) -> str:
    return files("vistry.report").joinpath(name).read_text(encoding="utf-8")
