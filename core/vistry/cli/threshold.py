"""`vistry threshold`: the score above which a run's predictions count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import vistry
from vistry.cli.chosen_run import say_which_run
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json, print_table, printable

if TYPE_CHECKING:
    from vistry.inference.threshold import ThresholdResult
    from vistry.runs.records import OperatingPointRecord

NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}
LISTED = 20  # classes, of those whose thresholds differ


@click.command()
@click.argument("run")
@click.option("--precision", type=float, help="The least precision wanted; as much recall as it allows.")
@click.option("--recall", type=float, help="The least recall wanted; as much precision as it allows.")
@click.option("--f1", is_flag=True, help="The highest F1.")
@click.option("--class", "class_name", help="The class that the threshold is for. [one for all classes]")
@click.option("--reset", is_flag=True, help="Remove what was chosen.")
@as_json
def threshold(
    run: str,
    precision: float | None,
    recall: float | None,
    f1: bool,
    class_name: str | None,
    reset: bool,
    as_json: bool,
) -> None:
    """Choose the score above which predictions of RUN (a folder, an identifier, or "last") count.

    It is chosen on the run's validation images and kept in the run: predict, evaluate and the report go by it. Without
    an option, show the present one and what others would give.
    """
    say_which_run(run)
    result = vistry.threshold(run, precision=precision, recall=recall, f1=f1, class_name=class_name, reset=reset)
    if as_json:
        print_json(**result.to_dict())
        return
    if result.point is not None:
        _print_point(result, result.point)
    click.echo(printable(f"{_present(result)}\n"))
    shares = [[_text(value) for value in (one.precision, one.recall, one.f1)] for _, one in result.table]
    rows = [[f"{value:g}", *row] for (value, _), row in zip(result.table, shares, strict=True)]
    heading = "threshold" if result.class_name is None else f"threshold of '{printable(result.class_name)}'"
    columns = [heading, *NAMES.values()]
    print_table(columns, rows, right=columns)


def _print_point(result: ThresholdResult, point: OperatingPointRecord) -> None:
    figures = point.figures
    whose = "all classes" if point.class_name is None else f"'{point.class_name}'"
    wanted = f"{NAMES[point.aim]} {point.target:g}" if point.target is not None else f"the highest {NAMES[point.aim]}"
    click.echo(printable(f"{wanted} for {whose}: threshold {point.threshold:g}, on {result.images} validation images"))
    lines = [
        ("precision", figures.precision, figures.precision_interval),
        ("recall", figures.recall, figures.recall_interval),
        ("F1", figures.f1, figures.f1_interval),
    ]
    for name, value, interval in lines:
        doubt = "" if interval is None else f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})"
        click.echo(f"{name.ljust(9)}  {_text(value)}{doubt}")


def _present(result: ThresholdResult) -> str:
    values = result.thresholds
    if result.record is None:
        return f"nothing chosen: {next(iter(values.values())):g} for all classes"
    if len(set(values.values())) == 1:
        return f"chosen: {next(iter(values.values())):g} for all classes"
    listed = ", ".join(f"{name} {value:g}" for name, value in list(values.items())[:LISTED])
    return f"chosen: {listed}" + (f" and {len(values) - LISTED} more" if len(values) > LISTED else "")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
