"""The generated reference pages are what the code says, and the table of exit statuses is true."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main

CHECKOUT = Path(__file__).parents[2]
REFERENCE = CHECKOUT / "docs" / "reference"
PAGES = ("command-line.md", "findings.md", "metrics.md", "plugin-api.md", "plugin.schema.json", "python.md")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run([sys.executable, CHECKOUT / "docs" / "generate", folder], check=True, cwd=folder)
    return folder


def test_these_are_all_the_generated_pages(generated: Path) -> None:
    assert sorted(path.name for path in generated.iterdir()) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(generated: Path, name: str) -> None:
    assert (REFERENCE / name).read_text() == (generated / name).read_text(), "type: make docs"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from commands(child, f"{path} {name}")


def test_every_command_and_option_is_on_the_page() -> None:
    page = (REFERENCE / "command-line.md").read_text()
    for path, command in commands(main, "vistry"):
        [section] = [part for part in page.split("\n#") if part.lstrip("#").startswith(f" `{path}`\n")]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`{parameter.opts[0]}" in section, (path, parameter.opts)


def test_every_public_name_is_on_the_page() -> None:
    page = (REFERENCE / "python.md").read_text()
    for name in vistry.__all__:
        assert f"`vistry.{name}`\n" in page


@pytest.mark.parametrize(
    ("command", "status"),
    [(["models"], 0), (["doctor", "empty"], 1), (["models", "show", "nothing"], 2), (["tasks", "--unheard"], 2)],
)
def test_the_exit_statuses_are_those_of_the_page(
    command: list[str], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert CliRunner().invoke(main, command).exit_code == status
    assert f"\n| {status} | " in (REFERENCE / "command-line.md").read_text()
