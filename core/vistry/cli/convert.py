"""`vistry convert`: boxes and masks of any format as COCO or as the hosted product's JSON Lines."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("coco", "jsonl")


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--to", "wanted", type=click.Choice(FORMATS), required=True, help="The format to write.")
@click.option("--task", help="detection or segmentation. [guessed from the labels]")
@click.option("--format", "data_format", help="The format of DATA. [detected]")
def convert(data: Path, out: Path, wanted: str, task: str | None, data_format: str | None) -> None:
    """Write the boxes or masks of DATA to OUT.

    OUT is a file, or a folder that gets a file for each split. The images stay where they are: a path is relative
    where the image lies beside or below the file, else absolute. What the doctor sets aside is left out and counted.
    """
    from vistry.data.conversion import output_files
    from vistry.data.doctor import examine
    from vistry.data.reading import guess_task
    from vistry.registry.tasks import task_named
    from vistry.runs.files import replacing

    name = task_named(task).name if task else guess_task(data, data_format)[0]
    diagnosis = examine(data, name, data_format)
    for part in output_files(diagnosis.table, out, wanted):
        with replacing(part.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(part.pieces)
        table = part.table
        click.echo(f"{part.path}: {len(table)} images, {len(table.labels)} objects, {len(table.classes)} classes")
    objects = sum(finding.is_of_object for finding in diagnosis.quarantined)
    images = len(diagnosis.quarantined) - objects
    if objects or images:
        click.echo(f"left out: {images} images and {objects} objects; their faults: vistry doctor {data} --task {name}")
