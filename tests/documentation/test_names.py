"""Every dotted name of Vistry's that a page mentions is one that can be imported."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
NAME = re.compile(r"(?<![\w./-])vistry(?:\.[A-Za-z_]\w*)+")
# In prose about names, and groups of entry points: not names.
PLACEHOLDERS = {"vistry.NAME", "vistry.exporters"}


def exists(name: str) -> bool:
    """Whether a module, or something in one, has this dotted name."""
    parts = name.split(".")
    thing = importlib.import_module(parts[0])
    for end in range(1, len(parts)):
        if hasattr(thing, parts[end]):
            thing = getattr(thing, parts[end])
            continue
        try:
            thing = importlib.import_module(".".join(parts[: end + 1]))
        except ModuleNotFoundError:
            return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_each_name_of_the_page_exists(page: Path) -> None:
    named = set(NAME.findall(page.read_text())) - PLACEHOLDERS
    assert not sorted(name for name in named if not exists(name))


def test_a_name_that_is_gone_is_noticed() -> None:
    assert exists("vistry.train")
    assert exists("vistry.evaluation.metric_table.METRICS")
    assert not exists("vistry.evaluation.nothing")
    assert not exists("vistry.errors.NoError")
