"""`vistry report`: a run's page again, such as after an upgrade."""

from __future__ import annotations

import click

import vistry
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json


@click.command()
@click.argument("run")
@as_json
def report(run: str, as_json: bool) -> None:
    """Write the report of RUN (a folder, an identifier, or "last") again, from what the folder holds."""
    path = vistry.report(run)
    if as_json:
        print_json(report=str(path))
    else:
        click.echo(path)
