"""docs/how-to/choose-a-model.md shows what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.cli.model_facts import measured_texts

from tests.cli.test_models import MEASURED

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "choose-a-model.md").read_text()
SESSIONS = dict(re.findall(r"```console\n\$ vistry ([^\n]*)\n(.*?)```", PAGE, re.DOTALL))
MEASURES = [command for command in SESSIONS if "--measure" in command]

pytestmark = pytest.mark.usefixtures("no_policy")


@pytest.mark.parametrize("command", [command for command in SESSIONS if command not in MEASURES])
def test_a_session_of_the_page_is_what_is_printed(command: str) -> None:
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == SESSIONS[command]


def test_the_measured_session_says_what_a_measurement_says() -> None:
    [command] = MEASURES
    said, *lines = SESSIONS[command].splitlines()
    assert said == "measuring resnet/resnet18 with torch ..."
    names = list(measured_texts(MEASURED))
    assert [line.split("  ")[0] for line in lines if line != "..."] == names


@pytest.mark.parametrize("command", re.findall(r"\| `vistry (models[^`]*)` \|", PAGE))
def test_a_command_of_the_table_lists_something(command: str) -> None:
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1, done.stderr


def test_the_python_of_the_page_answers() -> None:
    import vistry

    [text] = re.findall(r"\*\*From Python\*\* the same is (.*?); on the command", PAGE, re.DOTALL)
    calls = re.findall(r"`(vistry\.[^`]*)`", text)
    assert len(calls) == 4
    assert [bool(eval(call, {"vistry": vistry})) for call in calls if "measure(" not in call] == [True] * 3
