"""Many layouts that people have: each is read as its author meant, or refused with what to type; never misread.

The truth of each is made here, from public layouts (`shapes.py`), with nothing taken from the readers.
`python -m tests.data.layouts.report` prints the shares by format and the seeds of what went wrong.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.data.layouts.generator import cases
from tests.data.layouts.judge import READ, SILENT, WRONG
from tests.data.layouts.report import run, table
from tests.data.layouts.shapes import LAYOUTS

# What holds today, in per cent of all layouts: read right, and neither wrong nor silent.
READ_SHARE, SAFE_SHARE = 93, 98


def test_layouts_are_read_or_refused_with_a_way_on() -> None:
    _hold(range(300))


@pytest.mark.long
def test_many_layouts_are_read_or_refused_with_a_way_on() -> None:
    _hold(range(300, 3000))


def test_a_seed_gives_the_same_files(tmp_path: Path) -> None:
    for case in cases(range(40, 60)):
        trees = [tmp_path / f"{case.seed}{copy}" for copy in "ab"]
        for root in trees:
            root.mkdir()
            case.lay_out(root)
        first, second = map(_files, trees)
        assert first == second


def test_layouts_have_sources() -> None:
    assert all(layout.source for layout in LAYOUTS)
    assert len({layout.source for layout in LAYOUTS}) >= 40


def _files(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _hold(seeds: range) -> None:
    results = run(seeds)
    counts = Counter(outcome.word for _, outcome in results)
    assert 100 * counts[READ] >= READ_SHARE * len(results), table(results)
    assert 100 * (len(results) - counts[WRONG] - counts[SILENT]) >= SAFE_SHARE * len(results), table(results)
