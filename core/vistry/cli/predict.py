"""`vistry predict`: predictions of a trained model for images."""

from __future__ import annotations

from pathlib import Path

import click

from vistry.cli import words
from vistry.cli.chosen_run import say_which_run
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.printing import json_line, print_label_files, printable


@click.command(cls=HyperparameterCommand)
@click.argument("run")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write JSON Lines to this file, labels as CSV to a .csv."
)
@click.option("--to", metavar="FORMAT", help=f"Write labels to --output: {words.one_of(words.written_formats())}.")
@click.option("--draw", type=click.Path(path_type=Path), help="Write each image with its detections to this folder.")
@click.option("--masks", type=click.Path(path_type=Path), help="Where masks go if export_as_image is on. [.]")
@click.option("--threshold", type=float, help="The score above which predictions count. [the run's own]")
@click.option("--backend", help=f"Engine that computes: {words.backends()}. [the run's own]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines in the hosted product's schema.")
def predict(
    run: str,
    images: tuple[Path, ...],
    output: Path | None,
    to: str | None,
    draw: Path | None,
    masks: Path | None,
    threshold: float | None,
    backend: str | None,
    as_json: bool,
    hyperparameters: dict[str, str],
) -> None:
    """Predict IMAGES, files or folders, with RUN: a folder, an identifier, "last", or a model's name.

    A model predicts with the weights that its plugin publishes for it; --weights NAME takes another set than its first.

    An image that can't be read has an error entry; the others have their predictions. Hyperparameters of prediction may
    be changed: --box_score_threshold 0.5. With --to, what is predicted becomes labels in a file or folder, which
    labelling tools and vistry train read.
    """
    from vistry.inference.detection_files import DetectionFiles
    from vistry.inference.image_files import image_files
    from vistry.inference.load import load
    from vistry.inference.predicted_labels import PredictedLabels
    from vistry.inference.prediction_table import PredictionTable
    from vistry.runs.files import lines_to

    if to is not None and as_json:
        raise click.UsageError("--json prints predictions, and --to writes labels to --output; leave one out")
    say_which_run(run)
    files = image_files(images)
    predictor = load(run, backend=backend, threshold=threshold, **hyperparameters)
    for warning in predictor.hyperparameters.warnings:
        click.echo(f"warning: {warning}", err=True)
    written = DetectionFiles.of(predictor, draw, masks, images=files)
    labels = PredictedLabels.of(predictor, to, output, images=files)
    lines = None if labels else output
    table = PredictionTable.for_file(lines, predictor)
    failed = 0
    with lines_to(lines) as write:
        if table:
            write(table.header)
        for prediction in predictor.predict(files):
            failed += prediction.values is None
            response = predictor.respond(prediction)
            line = json_line({"filename": prediction.image, **response})
            written.write(prediction)
            write(table.row(prediction.image, response) if table else line)
            if labels:
                labels.add(prediction)
            if (table or labels) and prediction.error:
                click.echo(printable(f"left out: {prediction.error}"), err=True)
            if as_json:
                click.echo(line)
            elif output is None:
                click.echo(printable(f"{prediction.image}  {predictor.summary_line(prediction)}"))
    if labels:
        print_label_files(labels.write(), have_objects=labels.are_objects, err=True)
    elif output is not None:
        click.echo(f"{len(files)} predictions in {output}", err=True)
    for line in written.summary():
        click.echo(line, err=True)
    if failed:
        click.echo(f"{failed} of {len(files)} images could not be read", err=True)
        raise SystemExit(1)
