"""`vistry plugins new`: six files under the name asked for, and no others touched."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.registry.manifest import API
from vistry.testing.new_plugin import TEMPLATE


def new(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "new", *arguments])


def test_six_files_and_what_to_type_next() -> None:
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
        "  pip install -e ./vistry-my-net",
        "  vistry plugins check my_net",
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


def test_the_template_is_of_this_interface_and_this_version() -> None:
    manifest = tomllib.loads((TEMPLATE / "vistry_mynet" / "plugin.toml").read_text())
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())
    core = tomllib.loads((Path(__file__).parents[2] / "core" / "pyproject.toml").read_text())
    major, minor, _ = map(int, core["project"]["version"].split("."))
    assert manifest["api"] == ".".join(map(str, API))
    assert project["project"]["dependencies"] == [f"vistry[torch]>={major}.{minor},<{major}.{minor + 1}"]
    assert project["project"]["requires-python"] == core["project"]["requires-python"]


def test_the_tests_of_the_template_are_two_statements() -> None:
    lines = (TEMPLATE / "tests" / "test_mynet.py").read_text().splitlines()
    assert [line for line in lines[1:] if line] == [
        "from vistry.testing import plugin_checks",
        'test_mynet = plugin_checks("mynet")',
    ]


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
