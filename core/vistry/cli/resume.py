"""`vistry resume`: go on with a run that was killed or stopped."""

from __future__ import annotations

import click

import vistry
from vistry.cli.duration import time_limit
from vistry.cli.list_group import as_json
from vistry.cli.training_result import print_result


@click.command()
@click.argument("run")
@time_limit
@as_json
def resume(run: str, time_limit: float | None, as_json: bool) -> None:
    """Go on with RUN (a folder, an identifier, or "last") exactly where it was."""
    from vistry.training import progress

    listeners = [] if as_json else [progress.progress_line()]
    print_result(vistry.resume(run, time_limit=time_limit, listeners=listeners), as_json)
