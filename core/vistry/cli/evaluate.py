"""`vistry evaluate`: metrics of a trained model on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import vistry
from vistry.cli import words
from vistry.cli.chosen_run import say_which_run
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_facts, print_json, printable
from vistry.cli.reading_options import reading_options


@click.command(cls=HyperparameterCommand)
@click.argument("run")
@click.argument("data", type=click.Path(path_type=Path))
@reading_options
@click.option("--split", help=f"{words.splits()}, where the data has them. [test]")
@click.option("--backend", help=f"Engine that computes: {words.backends()}. [the run's own]")
@click.option("--include-training", is_flag=True, help="Measure on images that the run was trained on, too.")
@click.option("--threshold", type=float, help="The score above which predictions count. [the run's own]")
@as_json
def evaluate(run: str, data: Path, as_json: bool, hyperparameters: dict[str, Any], **options: Any) -> None:
    """Evaluate RUN (a folder, an identifier, or "last") on DATA.

    Images that the run was trained on are recognised by what the files hold, and left out.
    Hyperparameters of prediction may be changed: --tile_grid_size 3x2.
    """
    from vistry.report.doubt import absent_text

    say_which_run(run)
    result = vistry.evaluate(run, data, **{**options, **hyperparameters})
    if as_json:
        print_json(**result.to_dict())
        return
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    for image, reason in result.left_out:
        click.echo(f"left out: {image}: {reason}", err=True)
    for note in result.notes:
        click.echo(printable(note))
    click.echo(f"{result.images} images")
    if absent := absent_text(result.doubt.absent_classes):
        click.echo(absent)
    primary, interval = result.primary_metric, result.doubt.interval
    first = {primary: f"{result.metrics[primary]:.4f}"} if primary in result.metrics else {}
    if interval is not None:
        first[f"{primary}, {interval.confidence:.0%}"] = f"{interval.low:.4f} to {interval.high:.4f}"
    print_facts(first | {name: f"{value:.4f}" for name, value in result.metrics.items() if name not in first})
