"""Which run is meant where a sweep or a cross-validation is named in the place of one."""

from __future__ import annotations

import click

from vistry.cli.printing import printable


def say_which_run(name: str) -> None:
    """Say, in a line of its own, which run stands for a sweep or a cross-validation; nothing for a run.

    Raises RunError where none of its runs has a model yet.
    """
    from vistry.runs.many import find_many_runs

    many = find_many_runs(name)
    if many is not None:
        click.echo(printable(f"note: {many.sentence()}"), err=True)
