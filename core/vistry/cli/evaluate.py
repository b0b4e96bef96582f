"""`vistry evaluate`: metrics of a trained model on labelled images."""

from __future__ import annotations

import json
from pathlib import Path

import click

from vistry.cli.prediction_options import ChangingCommand


@click.command(cls=ChangingCommand)
@click.argument("run")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--format", "data_format", help="Format of the data, if it isn't recognised.")
@click.option("--split", help="train, validation or test, where the data has them. [test]")
@click.option("--backend", help="Engine that computes: torch or jax. [the run's own]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def evaluate(
    run: str,
    data: Path,
    data_format: str | None,
    split: str | None,
    backend: str | None,
    as_json: bool,
    changed: dict[str, str],
) -> None:
    """Evaluate RUN (a folder, an identifier, or "last") on DATA.

    Hyperparameters of prediction may be changed: --tile_grid_size 3x2.
    """
    from vistry.inference.evaluate import evaluate as measure

    result = measure(run, data, format=data_format, split=split, backend=backend, **changed)
    if as_json:
        click.echo(json.dumps({"schema": 1, **result.to_dict()}))
        return
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    for image, reason in result.left_out:
        click.echo(f"left out: {image}: {reason}", err=True)
    click.echo(f"{result.images} images")
    first = [result.primary_metric] if result.primary_metric in result.metrics else []
    names = [*first, *(name for name in result.metrics if name not in first)]
    width = max(map(len, names), default=0)
    for name in names:
        click.echo(f"{name:<{width}}  {result.metrics[name]:.4f}")
