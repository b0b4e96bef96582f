"""One version for all distributions: where it is written, how another one is, and what `vistry.__version__` says."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import vistry
import yaml
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[2]
PROJECTS = sorted(
    path.relative_to(CHECKOUT)
    for place in ("core", "plugins/*", "examples/*")
    for path in CHECKOUT.glob(f"{place}/pyproject.toml")
)


def projects(root: Path) -> list[dict[str, Any]]:
    return [tomllib.loads((root / path).read_text())["project"] for path in PROJECTS]


def requirements(project: dict[str, Any]) -> list[Requirement]:
    extras = project.get("optional-dependencies", {}).values()
    return [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of the checkout that the tool reads and writes."""
    for path in [*PROJECTS, Path("CITATION.cff"), Path("tools/version.py")]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, tmp_path / path)
    return tmp_path


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, root / "tools" / "version.py", *arguments], capture_output=True, text=True)


def test_every_distribution_has_one_version() -> None:
    [shared] = {project["version"] for project in projects(CHECKOUT)}
    assert yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())["version"] == shared
    assert run(CHECKOUT).stdout == f"{shared}\n"


@pytest.mark.parametrize(
    ("new", "accepted", "refused"),
    [
        ("0.2.0", ["0.2.0", "0.2.9"], ["0.1.9", "0.3.0"]),
        ("0.12.3", ["0.12.0"], ["0.11.9", "0.13.0", "1.0.0"]),
        ("1.4.0", ["1.4.0", "1.9.0"], ["1.3.9", "2.0.0"]),
    ],
)
def test_another_version_is_written_everywhere(copy: Path, new: str, accepted: list[str], refused: list[str]) -> None:
    before = projects(copy)
    assert run(copy, new).stdout == f"{new}\n"
    assert yaml.safe_load((copy / "CITATION.cff").read_text()) == {
        **yaml.safe_load((CHECKOUT / "CITATION.cff").read_text()),
        "version": new,
    }
    for old_project, project in zip(before, projects(copy), strict=True):
        assert project["version"] == new
        for old, requirement in zip(requirements(old_project), requirements(project), strict=True):
            ours = requirement.name.startswith("vistry")
            assert (old.name, old.extras) == (requirement.name, requirement.extras)
            assert ours or old == requirement
            assert not ours or all(requirement.specifier.contains(version) for version in accepted)
            assert not ours or not any(requirement.specifier.contains(version) for version in refused)


def test_writing_the_same_version_changes_nothing(copy: Path) -> None:
    [shared] = {project["version"] for project in projects(copy)}
    files = [copy / path for path in [*PROJECTS, Path("CITATION.cff")]]
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in files]
    assert run(copy, shared).returncode == 0
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in files] == before


@pytest.mark.parametrize("wrong", [["0.2"], ["v0.2.0"], ["0.2.0rc1"], ["0.2.0", "0.3.0"], [""]])
def test_an_invalid_version_is_refused(copy: Path, wrong: list[str]) -> None:
    refused = run(copy, *wrong)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"invalid version: expected MAJOR.MINOR.PATCH, got '{' '.join(wrong)}'; ")
    assert projects(copy) == projects(CHECKOUT)


def test_the_package_says_its_version() -> None:
    assert vistry.__version__ == version("vistry")
    assert "__version__" in dir(vistry)


def test_importing_the_package_reads_no_metadata() -> None:
    code = "import sys, vistry; print('importlib.metadata' in sys.modules); vistry.__version__"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
