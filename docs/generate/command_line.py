"""The page of the command line, from click's own command objects."""

from __future__ import annotations

from collections.abc import Iterator

import click
from markdown_text import page, table
from vistry.cli import main

_INTRODUCTION = """# Command line

This page is generated from the commands themselves: `make docs`.

`vistry COMMAND --help` prints the same. Hyperparameters are options by their own names, such as `--learning_rate 0.02`;
they have [a page of their own](hyperparameters.md). Every option may be written with dashes or with underscores:
`--learning-rate` is `--learning_rate`. A command about things lists them where no other command follows:
`vistry models` is `vistry models list`. What a command does, [a Python function](python.md) does too."""
EXIT_STATUS = {
    0: "The command did what it was told.",
    1: "The command ran to its end and found a fault: `vistry doctor` an error in the data, `vistry plugins check` a "
    "plugin that fails a check, `vistry predict` an image that can't be read.",
    2: "The command was refused or failed: a wrong argument, wrong data, a missing run. Standard error has `error:` "
    "and a sentence; standard output is empty with `--json`.",
    130: "Ctrl-C. A training has saved its state: `vistry resume last` goes on with it.",
}


def command_line() -> str:
    """The page in Markdown."""
    statuses = table(("status", "meaning"), [(str(status), meaning) for status, meaning in EXIT_STATUS.items()])
    return page(_INTRODUCTION, *_command(main, None, "vistry"), f"## Exit status\n\n{statuses}")


def _command(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    """The sections of a command and of all below it."""
    context = click.Context(command, parent=parent, info_name=name, terminal_width=100)
    level = "#" * (2 if parent is None else min(context.command_path.count(" ") + 1, 4))
    yield f"{level} `{context.command_path}`"
    yield _text(command.help)
    yield f"```\n{' '.join(context.get_usage().removeprefix('Usage: ').split())}\n```"
    rows = [record for parameter in command.get_params(context) if (record := _record(parameter, context))]
    yield table(("option", "meaning"), rows) if rows else ""
    yield _text(command.epilog)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if inner is not None and not inner.hidden:
                yield from _command(inner, context, child)


def _text(text: str | None) -> str:
    """A docstring as paragraphs, each on a line of its own; `<` is no HTML."""
    paragraphs = (text or "").replace("\b", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()).replace("<", "\\<") for paragraph in paragraphs)


def _record(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    """An option as written and its help; arguments stand in the usage line, and --help is the same everywhere."""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts or not record[1]:
        return None
    written, meaning = record
    forms = written.replace("|", " or ").split(", ")  # a bar would end the cell of the table
    return ", ".join(f"`{form.strip()}`" for form in forms), meaning.replace("[required]", "Required.")
