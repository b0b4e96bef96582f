"""The changelog: every file of a change has a name that is read, and a release moves it into the page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CHANGES = sorted(path for path in (CHECKOUT / "changelog").iterdir() if path.name != "README.md")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that a release reads and writes, and one change more."""
    (tmp_path / "docs").mkdir()
    for name in ("pyproject.toml", "docs/changelog.md"):
        shutil.copy(CHECKOUT / name, tmp_path / name)
    shutil.copytree(CHECKOUT / "changelog", tmp_path / "changelog")
    (tmp_path / "changelog" / "123.fixed.md").write_text("A fault that a reader can find again.\n")
    return tmp_path


def release(root: Path, version: str) -> str:
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", version, "--date", "2030-01-02"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return (root / "docs" / "changelog.md").read_text()


def test_a_change_is_named_by_its_kind() -> None:
    for path in CHANGES:
        assert re.fullmatch(r"(\+[a-z0-9-]+|\d+)\.(added|changed|removed|fixed|security)\.md", path.name), path.name


def test_a_release_moves_every_change_into_the_page(copy: Path) -> None:
    page = " ".join(release(copy, "7.0.0").split())
    for path in CHANGES:
        assert " ".join(path.read_text().split()) in page, path.name
    assert "### Fixed - A fault that a reader can find again. (#123)" in page
    assert [path.name for path in (copy / "changelog").iterdir()] == ["README.md"]


def test_the_newest_release_stands_first(copy: Path) -> None:
    before = (copy / "docs" / "changelog.md").read_text()
    release(copy, "7.0.0")
    (copy / "changelog" / "+later.changed.md").write_text("A later change.\n")
    page = release(copy, "7.1.0")
    headings = re.findall(r"^## (\S+) \((\S+)\)$", page, re.MULTILINE)
    assert headings[:2] == [("7.1.0", "2030-01-02"), ("7.0.0", "2030-01-02")]
    assert page.startswith(before[: before.index("<!-- towncrier")])
