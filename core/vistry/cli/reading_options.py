"""The options that say how data is read: its format, the folders of its images, its columns, its class folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vistry.cli import words
from vistry.data.column_roles import ROLES


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format, --images, --columns and --classes-at to a command."""
    options = (
        click.option("--format", help=f"Format of the data: {words.formats()}. [recognised]"),
        click.option(
            "--images",
            type=click.Path(path_type=Path),
            multiple=True,
            help="Folder in which images that the data names are looked for, too.",
        ),
        click.option(
            "--columns",
            multiple=True,
            metavar="ROLE=NAME",
            callback=_columns,
            help=f"A column of a table: {', '.join(ROLES)}.",
        ),
        click.option(
            "--classes-at", type=click.IntRange(min=1), help="Level of nested folders that names the classes, from 1."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _columns(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for value in (part for text in values for part in text.split(",")):
        role, equals, name = (text.strip() for text in value.partition("="))
        if role not in ROLES or not equals or not name:
            message = f"expected ROLE=NAME with a role of {', '.join(ROLES)}, got '{value}'"
            raise click.BadParameter(message, ctx, param)
        columns[role] = name
    return columns
