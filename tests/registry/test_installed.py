"""A distribution is one, however it is spelled and however many records of it were left behind."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.registry.discovery import Plugin, discover
from vistry.registry.installed import _order
from vistry.registry.names import canonical_name

LayOut = Callable[..., Path]
SPELLINGS = ("vistry-good", "vistry_good", "Vistry.Good", "VISTRY--good")


def record(site: Path, name: str, version: str, folder: str = "") -> None:
    """Write a dist-info of the plugin `good` with this name in its metadata."""
    info = site / (folder or f"{name.replace('-', '_')}-{version}.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[vistry.plugins]\ngood = vistry_good:plugin.toml\n")


def good() -> Plugin:
    [plugin] = [plugin for plugin in discover() if plugin.name == "good"]
    return plugin


@pytest.fixture
def package(lay_out: LayOut, site: Path) -> Path:
    """The package of the plugin `good`, without a record of its installation."""
    folder = lay_out("good")
    for file in (site / "vistry_good-1.0.dist-info").iterdir():
        file.unlink()
    (site / "vistry_good-1.0.dist-info").rmdir()
    return folder


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(SPELLINGS, 2)])
@pytest.mark.usefixtures("package")
def test_two_spellings_are_one_distribution_and_the_newest_record_counts(site: Path, first: str, second: str) -> None:
    record(site, first, "1.9", "a-1.9.dist-info")
    record(site, second, "1.10", "b-1.10.dist-info")
    plugin = good()
    assert (plugin.distribution, plugin.version, plugin.handle, plugin.state) == ("vistry-good", "1.10", "good", "ok")
    assert plugin.notes == (
        f"{site} has a record of vistry-good 1.9 beside that of 1.10, which is used; to be rid of it, delete the "
        "dist-info folder of 1.9",
    )


@pytest.mark.parametrize("newer_is_listed_first", [True, False])
@pytest.mark.usefixtures("package")
def test_the_order_in_a_folder_plays_no_part(site: Path, newer_is_listed_first: bool) -> None:
    for at, version in enumerate(("2.0", "2.0rc1") if newer_is_listed_first else ("2.0rc1", "2.0")):
        record(site, "vistry-good", version, f"{at}.dist-info")
    assert good().version == "2.0"


@pytest.mark.usefixtures("package")
def test_of_two_folders_the_first_on_the_path_counts_as_python_imports_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    record(site, "vistry-good", "1.0")
    record(other, "vistry_good", "3.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(other)])
    plugin = good()
    assert plugin.version == "1.0"
    assert plugin.notes == (
        f"vistry-good 3.0 in {other} is hidden by 1.0 in {site}, which comes first on Python's path; uninstall one of "
        "the two",
    )
    monkeypatch.setattr(sys, "path", [str(other), *sys.path])
    assert good().version == "3.0"


@pytest.mark.usefixtures("package")
def test_a_folder_that_is_twice_on_the_path_is_one(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(site, "vistry-good", "1.0")
    (tmp_path / "link").symlink_to(site)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site), str(tmp_path / "link")])
    assert good().notes == ()


@pytest.mark.usefixtures("package")
def test_it_is_said_where_plugins_are_listed_and_shown(site: Path) -> None:
    record(site, "vistry-good", "0.9")
    record(site, "vistry-good", "1.0")
    listed = CliRunner().invoke(main, ["plugins"])
    assert f"note: {site} has a record of vistry-good 0.9 beside that of 1.0" in listed.stderr
    shown = CliRunner().invoke(main, ["plugins", "show", "good"])
    assert "has a record of vistry-good 0.9" in shown.stdout
    answer = json.loads(CliRunner().invoke(main, ["plugins", "--json"]).stdout)
    assert [notice for notice in answer["notices"] if "vistry-good 0.9" in notice] == list(good().notes)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_policy_and_commands_take_any_spelling(lay_out: LayOut, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    lay_out("good")
    assert vistry.find_plugin(spelling).name == "good"
    Path("registry.toml").write_text(f'[plugins]\ndisable = ["{spelling}"]\n')
    assert good_state() == "disabled"
    vistry.enable_plugin("good")
    assert good_state() == "ok"
    monkeypatch.setenv("VISTRY_DISABLE", spelling)
    assert good_state() == "disabled"


def good_state() -> str:
    return vistry.find_plugin("good").state


def test_records_without_a_name_are_not_taken_for_one(lay_out: LayOut, site: Path) -> None:
    for name in ("good", "fine"):
        lay_out(name)
        (site / f"vistry_{name}-1.0.dist-info" / "METADATA").unlink()
    assert {"good", "fine"} <= {plugin.name for plugin in discover()}


def test_names_are_spelled_as_pip_compares_them() -> None:
    assert {canonical_name(name) for name in SPELLINGS} == {"vistry-good"}


def test_versions_in_their_order() -> None:
    versions = ("0.9", "1.0.dev2", "1.0a1", "1.0b1", "1.0b10", "1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.2", "1.10")
    assert all(_order(older) < _order(newer) for older, newer in itertools.pairwise((*versions, "1!0.1")))
    assert _order("1.0") == _order("1.0.0")
    assert _order("unknown") < _order("0.0")
