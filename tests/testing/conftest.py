"""The plugins that `vistry plugins new` writes, laid out as pip would have installed them, with faults put in."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from vistry.registry import installed
from vistry.registry.distribution_records import DistributionRecord
from vistry.testing.new_plugin import PluginKind, write_plugin

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

Edit = tuple[str, str, str]


@pytest.fixture(autouse=True)
def _no_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's registry.toml, and an empty folder to work in."""
    for name in list(os.environ):
        if name.startswith("VISTRY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write a plugin of a kind with edits (file, old text, new text), installed in place; gives its folder."""
    packages = set()

    def write(*edits: Edit, name: str = "mynet", kind: PluginKind = "classifier") -> Path:
        folder, _ = write_plugin(name, tmp_path, kind)
        packages.add(f"vistry_{name}")
        for file, old, new in edits:
            path = next(path for path in folder.rglob(file) if path.is_file())
            text = path.read_text()
            assert old in text, f"{file} has no {old!r}"
            path.write_text(text.replace(old, new))
        info = folder / f"vistry_{name}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vistry-{name}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[vistry.plugins]\n{name} = vistry_{name}:plugin.toml\n")
        monkeypatch.syspath_prepend(str(folder))
        return folder

    yield write
    for module in [module for module in sys.modules if module.partition(".")[0] in packages]:
        del sys.modules[module]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what the test writes is installed, and the folders that it checks."""
    records = installed.distribution_records

    def below_the_folder(group: str) -> Iterator[DistributionRecord]:
        for record in records(group):
            if record.folder.is_relative_to(tmp_path.resolve()) or record.folder.name.startswith("vistry-check-"):
                yield record

    monkeypatch.setattr(installed, "distribution_records", below_the_folder)
    monkeypatch.setattr("vistry.registry.catalogue._LAST_READ", {})  # nothing on the disk tells that this changed
