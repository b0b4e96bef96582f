"""`vistry evaluate`: metrics of a trained model on labelled images."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--format", "data_format", help="Format of the data, if it isn't recognised.")
@click.option("--split", help="train, validation or test, where the data has them. [test]")
@click.option("--backend", help="Engine that computes: torch or jax. [the run's own]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def evaluate(
    run: str, data: Path, data_format: str | None, split: str | None, backend: str | None, as_json: bool
) -> None:
    """Evaluate RUN (a folder, an identifier, or "last") on DATA."""
    from vistry.inference.evaluate import evaluate as measure

    result = measure(run, data, format=data_format, split=split, backend=backend)
    if as_json:
        click.echo(json.dumps({"schema": 1, **result.to_dict()}))
        return
    for image, reason in result.left_out:
        click.echo(f"left out: {image}: {reason}", err=True)
    click.echo(f"{result.images} images")
    names = [result.primary_metric, *(name for name in result.metrics if name != result.primary_metric)]
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name:<{width}}  {result.metrics[name]:.4f}")
