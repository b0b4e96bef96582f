"""`vistry export`: a run's model as a file that other programs can run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import vistry
from vistry.cli.chosen_run import say_which_run
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json, printable

if TYPE_CHECKING:
    from vistry.inference.exported_record import ParityRecord


@click.command()
@click.argument("run")
@click.option(
    "--format", default="onnx", help="onnx, or a format that an installed distribution adds.", show_default=True
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="The folder to write into. [export in the run's folder]"
)
@click.option(
    "--preprocessing",
    type=click.Choice(["in", "out"]),
    default="in",
    show_default=True,
    help="Whether the file takes images of any size, or the network's own input.",
)
@click.option("--opset", type=int, default=20, show_default=True, help="The version of ONNX's operators, from 18.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the run's validation images are now.")
@as_json
def export(run: str, as_json: bool, **options: Any) -> None:
    """Write the best model of RUN (a folder, an identifier, or "last") as a file that other programs can run.

    An ONNX file has all in it: it takes images as they are, of any size. Before it is put in place it has to answer the
    run's validation images as the run does in fp32.
    """
    say_which_run(run)
    result = vistry.export(run, **options)
    if as_json:
        print_json(**result.to_dict())
        return
    for path in result.files:
        click.echo(printable(f"{path}  {_size(path)}"))
    for line in _parity_lines(result.parity):
        click.echo(line)


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return f"{sum(one.stat().st_size for one in files) / 1e6:.1f} MB"


def _parity_lines(parity: ParityRecord) -> list[str]:
    what = "made-up images, because no validation image could be read" if parity.made_up else "validation images"
    counted = parity.images if parity.detections is None else parity.detections
    same = f"{round(parity.same_answer * counted)} of {counted}"
    if parity.detections == 0:
        answers = "the run finds nothing in them, and neither does the file"
    elif parity.max_pixels is None:
        answers = f"probabilities within {parity.max_difference:.2g} of the run's in fp32, the same answer for {same}"
    else:
        answers = (
            f"{same} detections found by both, boxes within {parity.max_pixels:.2g} pixels and scores within "
            f"{parity.max_difference:.2g} of the run's in fp32"
        )
    return [
        f"checked on {parity.images} {what}: {answers}",
        f"an image takes {parity.file_ms:.1f} ms, and {parity.run_ms:.1f} ms with the run on {parity.device}",
    ]
