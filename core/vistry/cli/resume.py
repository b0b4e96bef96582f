"""`vistry resume`: go on with a run that was killed or stopped."""

from __future__ import annotations

import click

from vistry.cli.duration import Duration


@click.command()
@click.argument("run")
@click.option("--time-limit", type=Duration(), help="Be over in this time: 90s, 30m, 2h.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON and nothing else.")
def resume(run: str, time_limit: float | None, as_json: bool) -> None:
    """Go on with RUN (a folder, an identifier, or "last") exactly where it was."""
    from vistry.cli.train import result_json, result_text
    from vistry.training import progress
    from vistry.training.session import resume as go_on

    listeners = [] if as_json else [progress.progress_line()]
    result = go_on(run, time_limit=time_limit, listeners=listeners)
    click.echo(result_json(result) if as_json else result_text(result))
