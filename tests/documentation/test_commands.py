"""Every vistry command that a page shows is one, with options and hyperparameters that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import vistry
from vistry.cli import main
from vistry.cli.list_group import GroupWithDefault
from vistry.cli.option_names import with_dashes
from vistry.hyperparameter.sources import read_file

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(?:\.venv/bin/)?(vistry [^`]+)`")
# Declared by an example on a page, not by a plugin that is installed here.
EXAMPLES = {"dropout", "NAME"}


def commands(text: str) -> Iterator[list[str]]:
    """The words after `vistry` of each command in code, without a comment at its end."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            shown = re.match(r"(?:\$ )?(?:\.venv/bin/)?vistry ([a-z-].*)", line)
            if shown:
                yield words(shown[1])
    for inline in INLINE.findall(BLOCK.sub("", text).replace("\n", " ")):
        yield words(inline.removeprefix("vistry "))


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


@cache
def hyperparameters() -> frozenset[str]:
    """The names that some model has."""
    names: set[str] = set()
    # One of each family and task: a catalogue file's thousand models have the same hyperparameters.
    for card in {(card.family, card.tasks): card for card in vistry.models()}.values():
        for task in card.tasks:
            names |= set(vistry.hyperparameters(card.full_name, task).fields)
    return frozenset(names)


def fault(arguments: list[str]) -> str:
    """What is wrong with a command, or nothing."""
    command: click.Command = main
    context = click.Context(main, info_name="vistry")
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        child = command.get_command(context, rest[0])
        if child is None:
            break
        command, context = child, click.Context(child, parent=context, info_name=rest.pop(0))
    if command is main and rest and rest[0] != "COMMAND" and not rest[0].startswith("-"):
        return f"no command {rest[0]}"
    known = options(command)
    if isinstance(command, GroupWithDefault):
        known |= options(command.commands[command.unnamed])
    for word in rest:
        name = word.partition("=")[0]
        if not name.startswith("--") or with_dashes(name) in known or name == "--help":
            continue
        if name[2:].replace("-", "_") not in hyperparameters() | EXAMPLES:
            return f"{name} is neither an option nor a hyperparameter"
    return ""


def options(command: click.Command) -> set[str]:
    return {with_dashes(name) for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_each_command_of_the_page_is_one(page: Path) -> None:
    shown = list(commands(page.read_text()))
    assert not {" ".join(line): problem for line in shown if (problem := fault(line))}


def test_a_wrong_command_is_noticed() -> None:
    assert fault(["trian", "--data", "x"]) == "no command trian"
    assert fault(["train", "--dta", "x"]) == "--dta is neither an option nor a hyperparameter"
    assert not fault(["train", "--data", "x", "--learning_rate", "0.1"])
    assert not fault(["models", "--task", "multiclass"])


def test_commands_are_found_in_blocks_and_in_lines() -> None:
    page = "```\n$ vistry train --data x \\\n    --task y  # why\nvistry predict\n```\nType `vistry runs show last`.\n"
    assert list(commands(page)) == [
        ["train", "--data", "x", "--task", "y"],
        ["predict"],
        ["runs", "show", "last"],
    ]


def test_the_config_files_of_the_page_are_read_alike(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "how-to" / "config-files.md").read_text()
    files = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    read = []
    for name, text in files:
        (tmp_path / name).write_text(text)
        read.append(dict(read_file(tmp_path / name).values))
    assert read[0] == read[1]
    resolved = vistry.hyperparameters("mobilenetv2", "multiclass").resolve([read_file(tmp_path / files[0][0])])
    assert resolved["number_of_epochs"] == 30
