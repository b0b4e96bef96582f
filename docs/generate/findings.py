"""The page of the doctor's findings, from `vistry.data.catalogue`."""

from __future__ import annotations

from markdown_text import page, table
from vistry.data.catalogue import PARTS

_INTRODUCTION = """# Findings of the doctor

This page is generated from `vistry.data.catalogue`: `make docs`.

`vistry doctor` names each finding by these words, and so do `--json` and a run's findings.json. What an **error** is
about is set aside and the rest is used; an error of a whole data set stops. Warnings are said before a training, and
remarks (`info`) by the doctor alone. [Data](data.md#what-the-doctor-checks) says how the doctor works."""
_HEAD = ("check", "severity", "what it says", "what to do")


def findings() -> str:
    """The page in Markdown."""
    sections = []
    for part in PARTS:
        title = (part.__doc__ or "").split("\n")[0].removeprefix("Checks of ").rstrip(".")
        rows = [(f"`{check.id}`", check.severity, check.summary, check.remedy) for check in part.CHECKS]
        sections.append(f"## {title[0].upper()}{title[1:]}\n\n{table(_HEAD, rows)}")
    return page(_INTRODUCTION, *sections)
