from __future__ import annotations

import re
from pathlib import Path

from vistry.data.findings import CHECKS
from vistry.data.images.formats import PIXEL_LIMIT
from vistry.data.reading import FOR_ALL_TASKS, FOR_CLASSES, FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "data.md").read_text(encoding="utf-8")


def test_the_page_lists_every_check_as_it_is():
    for check in CHECKS.values():
        assert f"| `{check.id}` | {check.severity} | {check.summary} |" in PAGE


def test_the_page_knows_the_pixel_limit():
    assert f"{PIXEL_LIMIT:,} pixels" in PAGE


def test_the_page_lists_every_format_in_the_order_of_detection():
    assert re.findall(r"^\| \[`(\w+)`\]\(#", PAGE, re.MULTILINE) == list(FORMATS)


def test_the_table_of_formats_has_the_tasks_of_each():
    rows = re.findall(r"^\| \[`(\w+)`\]\(#[^|]*\| ([^|]*)\| ([^|]*)\|", PAGE, re.MULTILINE)
    assert len(rows) == len(FORMATS)
    for name, classification, detection in rows:
        assert bool(classification.strip()) == (name in FOR_ALL_TASKS + FOR_CLASSES)
        assert bool(detection.strip()) == (name not in FOR_CLASSES)
