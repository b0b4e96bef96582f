from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]

[models.{model}]
summary = "A model for tests"
parameters = 10
"""
HOOKS = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    return f"a model of {num_classes} classes"
"""


@pytest.fixture(autouse=True)
def _no_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's registry.toml, and an empty folder to work in."""
    for name in list(os.environ):
        if name.startswith("VISTRY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("vistry_") and str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def lay_out(site: Path) -> Callable[..., Path]:
    """Lay out a plugin as pip would have installed it; gives the folder of its package."""

    def lay_out_plugin(
        name: str,
        *,
        model: str = "",
        distribution: str = "",
        manifest: str = MANIFEST,
        more: str = "",
        hooks: str = HOOKS,
        entry_points: str = "",
    ) -> Path:
        package = f"vistry_{distribution.replace('-', '_') or name}"
        distribution = distribution or f"vistry-{name}"
        folder = site / package
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "hooks.py").write_text(hooks)
        text = manifest.replace("{package}", package).replace("{model}", model or f"{name}net")
        (folder / "plugin.toml").write_text(text + more)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n\nName: not this\n")
        entry = entry_points or f"[vistry.plugins]\n{name} = {package}:plugin.toml\n"
        (info / "entry_points.txt").write_text(entry)
        return folder

    return lay_out_plugin
