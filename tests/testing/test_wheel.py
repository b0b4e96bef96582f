"""What a wheel lacks: modules of its own source tree that its files import, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.testing.wheel import missing_modules, packages_of

TREE = ("vistry_x/__init__.py", "vistry_x/a.py", "vistry_x/deep/b.py", "helpers/__init__.py", "tests/__init__.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for file in (*TREE, "pyproject.toml", "vistry_x/plugin.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text('[project]\nname = "Vistry.X"\n' if file == "pyproject.toml" else "")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("from . import a", ["vistry_x.a"]),
        ("from .a import name", ["vistry_x.a"]),
        ("import vistry_x.a", ["vistry_x.a"]),
        ("def later():\n    from vistry_x.deep.b import name", ["vistry_x.deep.b"]),
        ("from vistry_x.deep import b", ["vistry_x.deep", "vistry_x.deep.b"]),
        ("import helpers", ["helpers"]),
        ("import torch, tests, vistry", []),
        ("from vistry_x._version import version", []),
        ("from . import name_of_this_file", []),
        ("import", []),
    ],
)
def test_what_is_missing(tree: Path, line: str, missing: list[str]) -> None:
    packages = packages_of("vistry-x", "vistry_x", tree / "vistry_x" / "plugin.toml")
    files = {"vistry_x/__init__.py": line, "vistry_x/plugin.toml": ""}
    assert list(missing_modules(files, packages)) == missing
    whole = {**files, **dict.fromkeys(TREE[1:], "")}
    assert missing_modules(whole, packages) == {}


def test_beside_an_installed_package_nothing_is_its_own(tree: Path) -> None:
    (tree / "pyproject.toml").unlink()
    packages = packages_of("vistry-x", "vistry_x", tree / "vistry_x" / "plugin.toml")
    assert list(packages) == ["vistry_x"]
