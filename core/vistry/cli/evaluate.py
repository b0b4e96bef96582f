"""`vistry evaluate`: metrics of a trained model on labelled images."""

from __future__ import annotations

from pathlib import Path

import click

import vistry
from vistry.cli import words
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_facts, print_json


@click.command(cls=HyperparameterCommand)
@click.argument("run")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--format", help=f"The format of DATA: {words.formats()}. [recognised]")
@click.option("--split", help=f"{words.splits()}, where the data has them. [test]")
@click.option("--backend", help=f"Engine that computes: {words.backends()}. [the run's own]")
@as_json
def evaluate(run: str, data: Path, as_json: bool, hyperparameters: dict[str, str], **options: str | None) -> None:
    """Evaluate RUN (a folder, an identifier, or "last") on DATA.

    Hyperparameters of prediction may be changed: --tile_grid_size 3x2.
    """
    from vistry.report.doubt import absent_text

    result = vistry.evaluate(run, data, **options, **hyperparameters)
    if as_json:
        print_json(**result.to_dict())
        return
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    for image, reason in result.left_out:
        click.echo(f"left out: {image}: {reason}", err=True)
    click.echo(f"{result.images} images")
    if absent := absent_text(result.doubt.absent_classes):
        click.echo(absent)
    primary, interval = result.primary_metric, result.doubt.interval
    first = {primary: f"{result.metrics[primary]:.4f}"} if primary in result.metrics else {}
    if interval is not None:
        first[f"{primary}, {interval.confidence:.0%}"] = f"{interval.low:.4f} to {interval.high:.4f}"
    print_facts(first | {name: f"{value:.4f}" for name, value in result.metrics.items() if name not in first})
