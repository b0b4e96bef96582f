"""docs/reference/parts.md shows the code of the example as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "parts.md").read_text()
FILES = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("file", "text"), FILES)
def test_what_is_shown_is_what_runs(file: str, text: str) -> None:
    assert text in (ROOT / "examples" / "vistry-extras" / file).read_text()


def test_each_kind_of_part_is_explained() -> None:
    from vistry.registry.part_specs import KINDS

    manifest = (ROOT / "docs" / "reference" / "manifest.md").read_text()
    for kind in KINDS:
        assert f"\n## `[{kind}.NAME]`\n" in manifest
    assert len(re.findall(r"^## ", PAGE, re.MULTILINE)) == len(KINDS)
