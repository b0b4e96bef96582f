"""The page about the architecture lists the rooms that there are, and names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CORE = CHECKOUT / "core" / "vistry"
PAGE = (CHECKOUT / "docs" / "explanation" / "architecture.md").read_text()


def test_every_room_has_its_row() -> None:
    rooms = PAGE.partition("## The rooms")[2].partition("## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", rooms, re.MULTILINE)
    listed = [name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)]
    folders = {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert sorted(listed) == sorted(folders)


def test_the_files_it_names_are_there() -> None:
    named = re.findall(r"`((?:[\w-]+/)+[\w-]+(?:\.py)?)`", PAGE)
    assert named
    for name in named:
        places = [CORE / name, CORE / f"{name}.py", CHECKOUT / name]
        assert any(place.exists() for place in places), name
