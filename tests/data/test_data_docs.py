from __future__ import annotations

from pathlib import Path

from vistry.data.findings import CHECKS
from vistry.data.images.formats import PIXEL_LIMIT

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "data.md").read_text(encoding="utf-8")


def test_the_page_lists_every_check_as_it_is():
    for check in CHECKS.values():
        assert f"| `{check.id}` | {check.severity} | {check.summary} |" in PAGE


def test_the_page_knows_the_pixel_limit():
    assert f"{PIXEL_LIMIT:,} pixels" in PAGE
