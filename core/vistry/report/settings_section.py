"""Every hyperparameter with its origin, those the user set first."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from vistry.hyperparameter.values import shown
from vistry.report.markup import element, text_of
from vistry.report.numbers import count
from vistry.report.run_contents import Contents
from vistry.report.section import Section
from vistry.report.table import folded, table
from vistry.runs.records import HyperparameterRecord


def settings(contents: Contents) -> Section:
    """The hyperparameters: set by the user, then the defaults."""
    given = {name: item for name, item in contents.hyperparameters.items() if item.given}
    others = {name: item for name, item in contents.hyperparameters.items() if not item.given}
    own = _listed(given, marked=True) if given else element("p", "None was set: all are defaults.", class_="none")
    parts = [own, folded(count(len(others), "default"), _listed(others, marked=False))]
    return Section("hyperparameters", "Hyperparameters", "What was set for this run, and where it was set.", parts)


def _listed(items: Mapping[str, HyperparameterRecord], *, marked: bool) -> Markup:
    mark = element("span", "set", class_="chip busy") if marked else Markup("")
    rows = [
        (element("code", name) + " " + mark, element("code", shown(item.value)), _origin(item.origin))
        for name, item in items.items()
    ]
    return table(("name", "value", "set by"), rows)


def _origin(origin: str) -> Markup:
    """A file is shown by its last two parts, its whole path on pointing at it."""
    parts = origin.replace("\\", "/").split("/")
    short = "/".join(parts[-2:]) if len(parts) > 3 else origin
    return element("span", text_of(short), title=origin, class_="origin")
