"""The section about the hyperparameters: each with its origin, those the user set first."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from vistry.hyperparameter.values import format_value
from vistry.report.markup import element, text_of
from vistry.report.numbers import count
from vistry.report.run_contents import Contents
from vistry.report.section import Section
from vistry.report.table import collapsed, table
from vistry.runs.records import HyperparameterRecord


def hyperparameter_section(contents: Contents) -> Section:
    """Draw the hyperparameters that the user set, then the defaults."""
    given = {name: item for name, item in contents.hyperparameters.items() if item.given}
    defaults = {name: item for name, item in contents.hyperparameters.items() if not item.given}
    set_by_user = (
        _listed(given, marked=True) if given else element("p", "None was set: all are defaults.", class_="none")
    )
    parts = [set_by_user, collapsed(count(len(defaults), "default"), _listed(defaults, marked=False))]
    return Section(
        "hyperparameters", "Hyperparameters", "What was set for this run, and where it was set.", parts=parts
    )


def _listed(items: Mapping[str, HyperparameterRecord], *, marked: bool) -> Markup:
    mark = element("span", "set", class_="chip busy") if marked else Markup("")
    rows = [
        (element("code", name) + " " + mark, element("code", format_value(item.value)), _origin(item.origin))
        for name, item in items.items()
    ]
    return table(("name", "value", "set by"), rows)


def _origin(origin: str) -> Markup:
    """Return where a value was set: of a long path the last two parts, with the whole in the title."""
    parts = origin.replace("\\", "/").split("/")
    short = "/".join(parts[-2:]) if len(parts) > 3 else origin
    return element("span", text_of(short), title=origin, class_="origin")
