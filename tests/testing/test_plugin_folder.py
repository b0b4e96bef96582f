"""A plugin in a folder is checked before it is installed, in the layouts that build backends know."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import vistry
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.errors import RegistryError
from vistry.testing.new_plugin import write_plugin
from vistry.testing.plugin_folder import checkable, installed

QUICK = ["--check", "manifest_is_valid", "--check", "hooks_are_known"]
SETUPTOOLS = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""
HATCHLING = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
PACKAGES = '[tool.hatch.build.targets.wheel]\npackages = ["vistry_mynet"]\n'


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "check", *arguments])


@pytest.fixture
def tree() -> Path:
    return write_plugin("mynet", Path.cwd())[0]


def move(tree: Path, place: str, settings: str) -> None:
    """Move the package, and let setuptools find it there."""
    (tree / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(tree / "vistry_mynet", tree / place)
    project = (tree / "pyproject.toml").read_text()
    assert HATCHLING in project
    assert PACKAGES in project
    (tree / "pyproject.toml").write_text(project.replace(HATCHLING, SETUPTOOLS).replace(PACKAGES, settings))


FOUND = (
    '[tool.setuptools.packages.find]\nwhere = ["src"]\n\n[tool.setuptools.package-data]\nvistry_mynet = ["*.toml"]\n'
)
ALL_BELOW = (
    '[tool.setuptools]\npackages = ["vistry_mynet"]\npackage-dir = { "" = "code" }\n'
    '\n[tool.setuptools.package-data]\nvistry_mynet = ["*.toml"]\n'
)
RENAMED = (
    '[tool.setuptools]\npackages = ["vistry_mynet"]\npackage-dir = { vistry_mynet = "code/net" }\n'
    '\n[tool.setuptools.package-data]\nvistry_mynet = ["*.toml"]\n'
)


@pytest.mark.parametrize(
    ("place", "settings"),
    [("src/vistry_mynet", FOUND), ("code/vistry_mynet", ALL_BELOW), ("code/net", RENAMED)],
    ids=["src", "package-dir of all", "package-dir of one"],
)
def test_the_layouts_of_setuptools(tree: Path, place: str, settings: str) -> None:
    move(tree, place, settings)
    before = sorted(path for path in tree.rglob("*") if path.is_file())
    checks = ["manifest_is_in_the_wheel", "code_is_in_the_wheel", "hooks_are_known", "queries_import_no_tensor_library"]
    results = vistry.check_plugin("./vistry-mynet", checks=checks)
    assert {result.check: (result.status, result.reason) for result in results} == dict.fromkeys(checks, ("passed", ""))
    written = {path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts} - set(before)
    # What setuptools itself leaves behind when it builds the wheel.
    assert all("build" in path.parts or path.parent.suffix == ".egg-info" for path in written)
    forget()


def test_a_new_plugin_is_checked_where_it_is(tree: Path) -> None:
    path = list(sys.path)
    done = check("./vistry-mynet", *QUICK, "--json")
    assert done.exit_code == 0, done.output
    assert [result["status"] for result in json.loads(done.stdout)["checks"]] == ["passed", "passed"]
    assert sys.path == path
    with pytest.raises(PackageNotFoundError):
        distribution("vistry-mynet")
    forget()


def test_from_within_the_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert check(".", *QUICK).exit_code == 0
    forget()


def test_a_fault_is_told_with_its_place(tree: Path) -> None:
    manifest = tree / "vistry_mynet" / "plugin.toml"
    manifest.write_text(manifest.read_text().replace("license", "licence"))
    done = check("./vistry-mynet", "--check", "manifest_is_valid")
    assert done.exit_code == 1
    assert f"{manifest}:4: 'licence' is not a known key; did you mean 'license'?" in done.stdout


def test_a_folder_comes_before_what_is_installed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(tree) as name, checkable("./vistry-mynet") as again:
        assert name == again == "mynet"
        [plugin] = [plugin for plugin in vistry.plugins() if plugin.name == "mynet"]
        assert plugin.path == tree / "vistry_mynet" / "plugin.toml"


def test_two_folders_go_together(tree: Path) -> None:
    write_plugin("other", Path.cwd(), "policy")
    done = check("--pairs", "./vistry-mynet", "./vistry-other", "--check", "names_are_distinct")
    assert done.exit_code == 0, done.output
    assert "mynet + other  names_are_distinct  passed" in done.stdout


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (None, " has no pyproject.toml, so it is no plugin; to begin one type: vistry plugins new NAME"),
        (("vistry.plugins", "vistry.plugin"), ' has no [project.entry-points."vistry.plugins"], so it is no plugin; '),
        (('name = "vistry-mynet"\n', ""), " has no name under [project]; add name = ..."),
        (("[build-system]", "[build-system"), " can't be read: "),
        (
            ('mynet = "vistry_mynet:', 'mynet = "vistry_mynett:'),
            " names the package 'vistry_mynett', which is in none of ",
        ),
    ],
)
def test_a_folder_that_is_no_plugin(tree: Path, edit: tuple[str, str] | None, reason: str) -> None:
    file = tree / "pyproject.toml"
    if edit is None:
        file.unlink()
    else:
        assert edit[0] in file.read_text()
        file.write_text(file.read_text().replace(*edit))
    with pytest.raises(RegistryError) as caught, installed(tree):
        pass
    assert reason in str(caught.value)
    assert str(tree) in str(caught.value)


def forget() -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == "vistry_mynet"]:
        del sys.modules[module]
