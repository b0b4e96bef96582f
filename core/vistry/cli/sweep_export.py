"""`vistry sweep export`: a sweep for another tool."""

from __future__ import annotations

from pathlib import Path

import click

TOOLS = ("csv", "optuna", "mlflow", "tensorboard")


@click.command()
@click.argument("sweep")
@click.option("--to", required=True, help=f"The tool: {', '.join(TOOLS)}.")
@click.option("--output", type=click.Path(path_type=Path), help="File or folder to write. [export/ in the sweep]")
def export(sweep: str, to: str, output: Path | None) -> None:
    """Write SWEEP (a folder, an identifier, or "last") for another tool, also while it runs."""
    from vistry.report.numbers import count
    from vistry.sweep.export import export_sweep

    exported = export_sweep(sweep, to=to, output=output)
    click.echo(f"{exported.path}: {count(exported.trials, 'trial')}")
    if exported.then:
        click.echo(f"to see it, type: {exported.then}")
