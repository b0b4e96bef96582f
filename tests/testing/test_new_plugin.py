"""`vistry plugins new`: six files under the name asked for, and no others touched."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import vistry
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.cli.plugins import NEXT
from vistry.errors import RegistryError
from vistry.registry.manifest import API
from vistry.testing.all_checks import EVERY_CHECK
from vistry.testing.new_plugin import KINDS, TEMPLATE, PluginKind

IN_A_PROCESS = {"queries_import_no_tensor_library", "manifest_is_in_the_wheel", "code_is_in_the_wheel"}
# What has to have been looked at in each kind.
LOOKED_AT = {
    "classifier": {"model_is_built", "code_is_in_the_wheel", "one_step_lowers_the_loss"},
    "backbone": {"feature_maps_are_as_declared", "frozen_parameters_stay"},
    "detector": {"detections_are_in_range", "parameter_count_is_as_declared", "frozen_parameters_stay"},
    "policy": {"hooks_are_known"},
    "kernel": {"kernels_agree_with_their_references", "kernels_can_be_traced"},
    "reader": {"parts_work"},
}


def new(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "new", *arguments])


def test_what_is_written_and_what_to_type_next() -> None:
    done = new("my_net")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "vistry-my-net/README.md",
        "vistry-my-net/pyproject.toml",
        "vistry-my-net/tests/test_my_net.py",
        "vistry-my-net/vistry_my_net/hooks.py",
        "vistry-my-net/vistry_my_net/model.py",
        "vistry-my-net/vistry_my_net/plugin.toml",
        "next:",
        "  vistry plugins check ./vistry-my-net",
        "  pip install -e ./vistry-my-net",
        "  vistry train --task multiclass --model my_net --data FOLDER",
    ]
    written = [path for path in Path("vistry-my-net").rglob("*") if path.is_file()]
    assert len(written) == 6
    assert not [path for path in written if "mynet" in path.read_text()]
    project = tomllib.loads(Path("vistry-my-net/pyproject.toml").read_text())
    assert project["project"]["name"] == "vistry-my-net"
    assert project["project"]["entry-points"] == {"vistry.plugins": {"my_net": "vistry_my_net:plugin.toml"}}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["vistry_my_net"]


def test_as_json() -> None:
    found = json.loads(new("my_net", "--json").stdout)
    assert found["folder"] == str(Path.cwd() / "vistry-my-net")
    assert len(found["files"]) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_is_of_this_interface_and_this_version(kind: str) -> None:
    manifest = tomllib.loads((TEMPLATE / kind / "vistry_mynet" / "plugin.toml").read_text())
    project = tomllib.loads((TEMPLATE / "shared" / "pyproject.toml").read_text())
    core = tomllib.loads((Path(__file__).parents[2] / "core" / "pyproject.toml").read_text())
    major, minor, _ = map(int, core["project"]["version"].split("."))
    assert manifest["api"] == ".".join(map(str, API))
    assert project["project"]["dependencies"] == [f"vistry[torch]>={major}.{minor},<{major}.{minor + 1}"]
    assert project["project"]["requires-python"] == core["project"]["requires-python"]


def test_the_tests_of_the_template_are_two_statements() -> None:
    lines = (TEMPLATE / "shared" / "tests" / "test_mynet.py").read_text().splitlines()
    assert [line for line in lines[1:] if line] == [
        "from vistry.testing import plugin_checks",
        'test_mynet = plugin_checks("mynet")',
    ]


def test_the_kinds_are_those_of_the_command() -> None:
    assert get_args(PluginKind) == KINDS
    assert set(NEXT) == set(KINDS)
    assert {path.name for path in TEMPLATE.iterdir()} == {*KINDS, "shared"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("alone")
def test_each_kind_passes_its_checks_before_it_is_installed(kind: str) -> None:
    """Three that cost a process are made on the first kind, and by tests/distributions on all."""
    assert new(f"my_{kind}", "--kind", kind).exit_code == 0
    checks = [check.name for check in EVERY_CHECK if kind == KINDS[0] or check.name not in IN_A_PROCESS]
    results = vistry.check_plugin(f"./vistry-my-{kind}", checks=checks)
    assert [result for result in results if result.status == "failed"] == []
    passed = {result.check for result in results if result.status == "passed"}
    assert LOOKED_AT[kind] <= passed


def test_a_kind_that_is_none() -> None:
    done = new("mynet", "--kind", "clasifier")
    assert done.exit_code == 2
    assert "'clasifier' is not one of 'classifier', 'backbone', 'detector', 'policy', 'kernel', 'reader'" in done.stderr
    with pytest.raises(RegistryError, match="there is no kind 'detectr' of plugin; did you mean 'detector'?"):
        vistry.new_plugin("mynet", kind="detectr")  # type: ignore[arg-type]
    assert not list(Path().iterdir())


def test_nothing_is_written_over() -> None:
    Path("vistry-mynet").mkdir()
    done = new("mynet")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (f"error: {Path.cwd()}/vistry-mynet exists already; choose another name, or move it\n")
    assert not list(Path("vistry-mynet").iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my-net", "invalid name 'my-net': use lower-case letters, digits and _, with a letter first; try my_net"),
        ("MyNet", "invalid name 'MyNet': use lower-case letters, digits and _, with a letter first; try mynet"),
        ("../mynet", "invalid name '../mynet': use lower-case letters, digits and _, with a letter first; try mynet"),
        ("2net", "invalid name '2net': use lower-case letters, digits and _, with a letter first"),
        ("", "invalid name '': use lower-case letters, digits and _, with a letter first"),
        ("resnet", "'resnet' is the name of the installed plugin vistry-resnet; choose another"),
        ("resnet50", "'resnet50' is a model of the installed plugin vistry-resnet; choose another"),
    ],
)
def test_a_name_that_cannot_be_used(name: str, reason: str) -> None:
    done = new(name)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {reason}\n")
    assert not list(Path().iterdir())
