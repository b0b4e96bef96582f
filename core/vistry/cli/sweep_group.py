"""`vistry sweep`: its commands, each imported when it is used: a look at a sweep needs nothing of what makes one."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import click

from vistry.cli.list_group import GroupWithDefault

HOMES = {"export": "vistry.cli.sweep_export", "run": "vistry.cli.sweep", "show": "vistry.cli.sweep_show"}


class _Commands(UserDict[str, Any]):
    """Commands by their names, of which only the homes are held."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(self.data[name]), name)
        return command


class _Sweeps(GroupWithDefault):
    unnamed = "run"


@click.group(cls=_Sweeps, commands=_Commands(HOMES))
def sweep() -> None:
    """Search for a good model: many trainings, of which the poor ones are ended early."""
