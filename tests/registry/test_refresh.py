"""A catalogue that is kept: what it reads again when something changed, and what it doesn't."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.registry import catalogue as catalogue_module
from vistry.registry import manifest_file, policy
from vistry.registry.catalogue import Catalogue

LayOut = Callable[..., Path]


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the manifests and policy files that are read meanwhile."""
    names: list[str] = []
    for module in (manifest_file, policy):
        read = module.read_toml

        def noted(path: Path, read: Callable[[Path], Any] = read) -> Any:
            names.append(f"{path.parent.name}/{path.name}")
            return read(path)

        monkeypatch.setattr(module, "read_toml", noted)
    return names


def families(catalogue: Catalogue) -> set[str]:
    return {card.family for card in catalogue.cards}


def test_it_is_the_same_object_while_nothing_changes(lay_out: LayOut, read_files: list[str]) -> None:
    lay_out("one")
    Path("registry.toml").write_text('[aliases]\nmine = "onenet"\n')
    kept = vistry.Catalogue.read()
    read_files.clear()
    assert kept.refresh() is kept
    assert Catalogue.read() is kept
    assert read_files == []
    catalogue_module._LAST_READ.clear()
    assert kept == Catalogue.read()


def test_reading_in_another_folder_and_back(
    lay_out: LayOut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_files: list[str]
) -> None:
    lay_out("one")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "registry.toml").write_text('[aliases]\nmine = "onenet"\n')
    here = Catalogue.read()
    read_files.clear()
    assert Catalogue.read(elsewhere).model("mine").name == "onenet"
    with monkeypatch.context() as patch:
        patch.chdir(elsewhere)
        assert Catalogue.read().model("mine").name == "onenet"
    assert Catalogue.read() == here
    assert "vistry_one/plugin.toml" not in read_files


def test_a_plugin_that_came_and_went(lay_out: LayOut, site: Path, read_files: list[str]) -> None:
    lay_out("one")
    kept = Catalogue.read()
    read_files.clear()
    lay_out("two")
    later = kept.refresh()
    assert families(later) - families(kept) == {"two"}
    assert read_files == ["vistry_two/plugin.toml"]
    assert later.refresh() is later
    assert kept.cards == tuple(card for card in later.cards if card.family != "two")
    shutil.rmtree(site / "vistry_two")
    shutil.rmtree(site / "vistry_two-1.0.dist-info")
    assert families(later.refresh()) == families(kept)


def test_a_manifest_that_changed_is_the_only_one_read(lay_out: LayOut, read_files: list[str]) -> None:
    folder = lay_out("one")
    lay_out("two")
    kept = Catalogue.read()
    read_files.clear()
    text = (folder / "plugin.toml").read_text()
    (folder / "plugin.toml").write_text(text.replace("parameters = 10", "parameters = 11"))
    later = kept.refresh()
    assert (kept.model("onenet").parameters, later.model("onenet").parameters) == (10, 11)
    assert read_files == ["vistry_one/plugin.toml"]


def test_a_manifest_that_was_wrong_is_read_until_it_is_right(lay_out: LayOut) -> None:
    folder = lay_out("one", more="licence = 1\n")
    kept = Catalogue.read()
    assert kept.plugin("one").state == "invalid"
    text = (folder / "plugin.toml").read_text()
    (folder / "plugin.toml").write_text(text.replace("licence = 1\n", ""))
    assert kept.refresh().plugin("one").state == "ok"


def test_a_package_that_was_missing(lay_out: LayOut, site: Path) -> None:
    folder = lay_out("one")
    folder.rename(site / "elsewhere")
    kept = Catalogue.read()
    assert kept.plugin("one").state == "invalid"
    (site / "elsewhere").rename(folder)
    assert kept.refresh().model("onenet").family == "one"


@pytest.mark.parametrize("file", ["entry_points.txt", "METADATA"])
def test_a_record_that_was_written_again(lay_out: LayOut, site: Path, file: str) -> None:
    lay_out("one")
    kept = Catalogue.read()
    path = site / "vistry_one-1.0.dist-info" / file
    path.write_text(path.read_text().replace("one = ", "uno = ").replace("Version: 1.0", "Version: 1.1"))
    later = kept.refresh()
    assert later is not kept
    assert [(p.name, p.version) for p in later.plugins if p.distribution == "vistry-one"] in (
        [("uno", "1.0")],
        [("one", "1.1")],
    )


class TestPolicy:
    def test_a_file_that_came_changed_and_went(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
        lay_out("one")
        kept = Catalogue.read()
        monkeypatch.setattr(catalogue_module, "discover", lambda: pytest.fail("looked for plugins"))
        Path("registry.toml").write_text('[plugins]\ndisable = ["one"]\n')
        disabled = kept.refresh()
        assert disabled.plugin("one").state == "disabled"
        Path("registry.toml").write_text('[aliases]\nmine = "onenet"\n')
        aliased = disabled.refresh()
        assert aliased.model("mine").name == "onenet"
        Path("registry.toml").unlink()
        assert aliased.refresh() == kept

    @pytest.mark.parametrize(
        ("variable", "value"),
        [("VISTRY_DISABLE", "one"), ("VISTRY_REGISTRY", "strict.toml"), ("XDG_CONFIG_HOME", "home")],
    )
    def test_a_variable(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
        lay_out("one")
        for path in (Path("strict.toml"), Path("home/vistry/registry.toml")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('[plugins]\ndisable = ["one"]\n')
        kept = Catalogue.read()
        monkeypatch.setenv(variable, value)
        assert kept.refresh().plugin("one").state == "disabled"

    def test_a_file_that_is_wrong_is_an_error_and_the_kept_catalogue_still_answers(self, lay_out: LayOut) -> None:
        lay_out("one")
        kept = Catalogue.read()
        Path("registry.toml").write_text("[plugin]\n")
        with pytest.raises(vistry.VistryError, match="registry.toml:1: 'plugin' is not a known key"):
            kept.refresh()
        assert kept.model("onenet")
        Path("registry.toml").unlink()
        assert kept.refresh() is kept

    def test_the_folder_it_was_read_for(self, lay_out: LayOut, tmp_path: Path) -> None:
        lay_out("one")
        (tmp_path / "other").mkdir()
        kept = Catalogue.read(tmp_path / "other")
        (tmp_path / "other" / "registry.toml").write_text('[plugins]\ndisable = ["one"]\n')
        assert kept.refresh().plugin("one").state == "disabled"
        assert Catalogue.read().plugin("one").state == "ok"


def test_a_catalogue_that_was_made_of_plugins_stays() -> None:
    made = Catalogue.of([], Catalogue.read().policy)
    assert made.refresh() is made


def test_a_new_place_on_the_import_path(lay_out: LayOut, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out("one")
    monkeypatch.syspath_prepend(os.fspath(site))
    kept = Catalogue.read()
    monkeypatch.setattr("sys.path", [entry for entry in __import__("sys").path if entry != str(site)])
    assert "one" not in families(kept.refresh())
