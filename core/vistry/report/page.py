"""The report of a run: one self-contained page that requests nothing from the network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from vistry.report.data_section import data_section
from vistry.report.header import header
from vistry.report.hyperparameter_section import hyperparameter_section
from vistry.report.markup import element
from vistry.report.run_contents import Contents, contents_of
from vistry.report.section import Section
from vistry.report.tasks import task_sections
from vistry.report.threshold_section import threshold_section
from vistry.report.training_sections import metrics_section, timing_section, training_section
from vistry.runs.folder import Run

REPORT = "report.html"


def page_of(run: Run) -> str:
    """Return the page as HTML. Raises RunError if the folder isn't a run."""
    contents = contents_of(run)
    sections = sections_of(contents)
    main = element("main", *[section.markup() for section in sections])
    body = element("body", header(contents), _navigation(sections), main, _script())
    title = f"{contents.record.model.name} · {contents.run.id}"
    html = Markup("<!doctype html>\n") + element("html", _head(title), body, lang="en")
    # A file name may hold lone surrogates, which UTF-8 can't encode.
    return html.encode("utf-8", "replace").decode("utf-8")


def sections_of(contents: Contents) -> list[Section]:
    """Return the sections in order; those about the task stand in the middle."""
    sections = [
        training_section(contents),
        threshold_section(contents),
        *_task_sections(contents),
        metrics_section(contents),
        data_section(contents),
        hyperparameter_section(contents),
        timing_section(contents),
    ]
    return [section for section in sections if section is not None]


def _task_sections(contents: Contents) -> Sequence[Section]:
    if contents.inputs is None:
        return [Section("evaluation", "Evaluation", contents.reason, parts=[])]
    return task_sections(contents.record.task, contents.inputs)


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
