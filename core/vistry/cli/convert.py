"""`vistry convert`: labels of any format as another that can be written, also a plugin's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import vistry
from vistry.cli import words
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json, print_label_files
from vistry.cli.reading_options import reading_options


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(words.written_formats()), required=True, help="The format to write.")
@click.option("--task", help=f"{words.task_aliases()}. [guessed from the labels]")
@reading_options
@as_json
def convert(data: Path, out: Path, to: str, as_json: bool, **options: Any) -> None:
    """Write the labels of DATA to OUT.

    COCO and YOLO are written with boxes and masks, csv_boxes and Pascal VOC with boxes, csv with labels of whole
    images, JSON Lines and labelling tools' formats with all of these. OUT is a file, or a folder that gets a file for
    each split; for Pascal VOC, YOLO and labelme it is a folder. The images stay where they are: a path is relative
    where the image lies beside or below the file, else absolute. What the doctor sets aside is left out and counted.
    """
    conversion = vistry.convert(data, out, to=to, **options)
    diagnosis = conversion.diagnosis
    objects = sum(finding.is_of_object for finding in diagnosis.quarantined)
    images = len(diagnosis.quarantined) - objects
    if as_json:
        left_out = {"images": images, "objects": objects}
        print_json(task=diagnosis.task, files=[file.to_dict() for file in conversion.files], left_out=left_out)
        return
    has_objects = diagnosis.table.objects is not None
    print_label_files(conversion.files, have_objects=has_objects)
    if objects or images:
        counts = f"{images} images and {objects} objects" if has_objects else f"{images} images"
        click.echo(f"left out: {counts}; their faults: vistry doctor {data} --task {diagnosis.task}")
