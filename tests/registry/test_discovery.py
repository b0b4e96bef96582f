"""Plugins are found without running a line of theirs, and a bad one is a record like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import vistry
from vistry.registry.discovery import Plugin, discover

LayOut = Callable[..., Path]


def found(name: str) -> Plugin:
    [plugin] = [plugin for plugin in discover() if plugin.name == name]
    return plugin


def test_a_good_plugin(lay_out: LayOut) -> None:
    folder = lay_out("good")
    plugin = found("good")
    assert (plugin.state, plugin.distribution, plugin.version) == ("ok", "vistry-good", "1.0")
    assert (plugin.path, plugin.models, plugin.handle) == (folder / "plugin.toml", ("goodnet",), "good")
    assert plugin.to_dict() == {
        "name": "good",
        "distribution": "vistry-good",
        "version": "1.0",
        "state": "ok",
        "reason": "",
        "remedy": "",
        "path": str(folder / "plugin.toml"),
        "api": "1.0",
        "license": "MIT",
        "summary": "A plugin for tests",
        "models": ["goodnet"],
        "parts": {},
        "notes": [],
    }


def test_finding_runs_no_code_of_a_plugin(lay_out: LayOut) -> None:
    folder = lay_out("loud", hooks="raise SystemExit('ran')")
    (folder / "__init__.py").write_text("raise SystemExit('ran')")
    assert found("loud").state == "ok"
    assert vistry.model("loudnet").family == "loud"
    assert "vistry_loud" not in sys.modules


def test_a_plugin_that_is_already_imported_is_found_too(lay_out: LayOut) -> None:
    lay_out("good")
    __import__("vistry_good")
    assert found("good").state == "ok"


def test_an_editable_install_with_a_finder_of_its_own(
    lay_out: LayOut, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As setuptools installs one: no package on the path, but a finder that knows where it is."""
    folder = lay_out("good").rename(tmp_path / "vistry_good")

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> ModuleSpec | None:
            if name != "vistry_good":
                return None
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
            return spec

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert found("good").path == folder / "plugin.toml"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("x = vistry_x", "its entry point 'vistry_x' is not of the form 'package:plugin.toml'"),
        ("x = vistry_x:", "its entry point 'vistry_x:' is not of the form 'package:plugin.toml'"),
        ("x = vistry_y:plugin.toml", "its entry point names the package 'vistry_y', which is not installed"),
        ("x = vistry_x:other.toml", "its entry point names the file {folder}/other.toml, which doesn't exist"),
        (
            "x = vistry_x.in.side:plugin.toml",
            "its entry point 'vistry_x.in.side:plugin.toml' names a package inside 'vistry_x', and finding that would "
            "run vistry_x/__init__.py; move plugin.toml into 'vistry_x' and write 'vistry_x:plugin.toml'",
        ),
    ],
)
def test_an_entry_point_that_leads_nowhere(lay_out: LayOut, entry: str, reason: str) -> None:
    folder = lay_out("x", entry_points=f"[vistry.plugins]\n{entry}\n")
    plugin = found("x")
    assert (plugin.state, plugin.reason) == ("invalid", reason.format(folder=folder))
    assert plugin.remedy == (
        'correct [project.entry-points."vistry.plugins"] in its pyproject.toml and reinstall it, '
        "or type: vistry plugins disable x"
    )


def test_a_name_that_no_command_could_be_given(lay_out: LayOut) -> None:
    lay_out("x", entry_points="[vistry.plugins]\nMy/Plugin = vistry_x:plugin.toml\n")
    reason = "its name 'My/Plugin' must be lower-case letters, digits and _, beginning with a letter"
    assert found("My/Plugin").reason == reason


def test_an_entry_points_file_that_cannot_be_read(lay_out: LayOut) -> None:
    lay_out("x", entry_points="[vistry.plugins]\nvistry_x\n")
    lay_out("good")
    plugin = found("vistry-x")
    assert plugin.state == "invalid"
    assert plugin.reason.startswith("its entry_points.txt can't be read: ")
    assert plugin.remedy == "type: pip install --force-reinstall vistry-x"
    assert found("good").state == "ok"


def test_a_distribution_without_metadata(lay_out: LayOut, site: Path) -> None:
    lay_out("good")
    (site / "vistry_good-1.0.dist-info" / "METADATA").unlink()
    assert (found("good").distribution, found("good").version) == ("unknown", "unknown")


def test_the_first_of_two_copies_on_the_path(
    lay_out: LayOut, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out("good")
    other = tmp_path / "other"
    (site / "vistry_good-1.0.dist-info").rename(site / "keep")
    other.mkdir()
    for name, version in (("keep", "1.0"), ("old", "0.5")):
        info = (site if name == "keep" else other) / f"vistry_good-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: Vistry-Good\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[vistry.plugins]\ngood = vistry_good:plugin.toml\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(other)])
    assert found("good").version == "1.0"


def test_two_plugins_of_one_name_are_known_by_their_distributions(lay_out: LayOut) -> None:
    lay_out("twin", distribution="vistry-a", model="anet")
    lay_out("twin", distribution="vistry-b", model="bnet")
    assert [plugin.handle for plugin in discover() if plugin.name == "twin"] == ["vistry-a", "vistry-b"]
