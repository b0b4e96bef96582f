"""`plugins enable` and `disable`: the least change to a registry.toml, in one step, with no plugin imported."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.registry.catalogue import Catalogue
from vistry.registry.policy import read_layer, user_file
from vistry.registry.policy_file import file_to_write, switch


def enable(name: str, path: Path) -> str:
    switch(Catalogue.read().plugin(name), True, path)
    return path.read_text()


def disable(name: str, path: Path) -> str:
    switch(Catalogue.read().plugin(name), False, path)
    return path.read_text()


def state(name: str) -> str:
    return Catalogue.read().plugin(name).state


def test_which_file() -> None:
    assert file_to_write() == user_file()
    Path("registry.toml").touch()
    assert file_to_write() == Path.cwd() / "registry.toml"
    assert file_to_write(user=True) == user_file()


def test_a_new_file() -> None:
    assert disable("resnet", user_file()) == '[plugins]\ndisable = ["resnet"]\n'
    assert state("resnet") == "disabled"
    assert enable("resnet", user_file()) == ""
    assert state("resnet") == "ok"


def test_comments_and_layout_are_kept() -> None:
    path = Path.cwd() / "registry.toml"
    before = """# Policy of our lab.

[plugins]   # who plays
disable = [
    "mobilenetv2",  # too small
]

[prefer]  # nothing yet
"""
    path.write_text(before)
    after = disable("vistry-resnet", path)
    assert after.replace('\n    "resnet",', "") == before
    assert enable("resnet", path) == before
    assert state("mobilenetv2") == "disabled"


@pytest.mark.parametrize(
    "text",
    [
        'plugins.disable = ["mobilenetv2"]\n',
        'plugins = { disable = ["mobilenetv2"] }\n',
        '[plugins]\r\ndisable = ["mobilenetv2"]\r\n',
        '\ufeff[plugins]\ndisable = ["mobilenetv2"]\n',
        '[prefer]\n\n[plugins]\nenable = ["resnet", "mobilenetv2"]\n',
        '[aliases]\nmine = "resnet50"\n',
    ],
)
def test_every_way_to_write_the_table(text: str) -> None:
    path = Path.cwd() / "registry.toml"
    path.write_bytes(text.encode())
    before = read_layer(path).tables
    disable("resnet", path)
    after = read_layer(path).tables
    assert set(after.plugins.disable) == {*before.plugins.disable, "resnet"}
    assert set(after.plugins.enable) == set(before.plugins.enable) - {"resnet"}
    assert (after.aliases, after.prefer) == (before.aliases, before.prefer)
    assert path.read_bytes().count(b"\r\n") == text.count("\r\n")
    enable("resnet", path)
    assert state("resnet") == "ok"


def test_twice_is_once() -> None:
    path = Path.cwd() / "registry.toml"
    assert disable("resnet", path) == disable("vistry-resnet", path)
    assert enable("resnet", path) == enable("resnet", path)


def test_enabling_what_a_weaker_file_disables() -> None:
    disable("resnet", user_file())
    path = Path.cwd() / "registry.toml"
    path.touch()
    assert enable("resnet", path) == '[plugins]\nenable = ["resnet"]\n'
    assert state("resnet") == "ok"
    assert disable("resnet", path) == '[plugins]\ndisable = ["resnet"]\n'


def test_twins_are_told_apart(lay_out: Callable[..., Path]) -> None:
    lay_out("twin", distribution="vistry-a", model="anet")
    lay_out("twin", distribution="vistry-b", model="bnet")
    assert disable("vistry-a", user_file()) == '[plugins]\ndisable = ["vistry-a"]\n'
    assert (state("vistry-a"), state("vistry-b")) == ("disabled", "ok")


def test_no_code_of_a_plugin_runs(lay_out: Callable[..., Path]) -> None:
    folder = lay_out("loud", hooks="raise SystemExit('ran')")
    (folder / "__init__.py").write_text("raise SystemExit('ran')")
    disable("loud", user_file())
    enable("loud", user_file())
    assert "vistry_loud" not in sys.modules


def test_a_bad_file_is_left_alone() -> None:
    path = Path.cwd() / "other.toml"
    path.write_text("[plugin]\n")
    with pytest.raises(RegistryError, match="'plugin' is not a known key"):
        disable("resnet", path)
    assert path.read_text() == "[plugin]\n"


def test_the_mode_and_a_link_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("# mine\n")
    real.chmod(0o600)
    link.symlink_to(real)
    disable("resnet", link)
    assert link.is_symlink()
    assert read_layer(real).tables.plugins.disable == ("resnet",)
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("*.toml*")) == ["link.toml", "real.toml"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "registry.toml"
    path.write_text("# mine\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RegistryError, match=r"registry.toml can't be written: No space left on device"):
        disable("resnet", path)
    assert path.read_text() == "# mine\n"
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == ["registry.toml"]
    assert vistry.model("resnet50")
