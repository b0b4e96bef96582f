"""`vistry runs`: what has been trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from vistry.runs.folder import Run


@click.group(invoke_without_command=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the runs are. [VISTRY_RUNS or ./runs]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_context
def runs(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """List runs, oldest first, or show one."""
    context.obj = folder
    if context.invoked_subcommand is not None:
        return
    from vistry.runs.folder import runs_folder, runs_in

    found = [_line(run) for run in runs_in(folder)]
    if as_json:
        click.echo(json.dumps({"schema": 1, "runs": found}))
        return
    if not found:
        click.echo(f"there are no runs in {folder or runs_folder()}; to make one, type: vistry train --help", err=True)
    for entry in found:
        click.echo(_text(entry))


@runs.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_obj
def show(folder: Path | None, run: str, as_json: bool) -> None:
    """Show RUN (a folder, an identifier, or "last")."""
    from vistry.hyperparameter.recorded import hyperparameters_of
    from vistry.runs.folder import find_run
    from vistry.training.events import EpochEnded
    from vistry.training.progress import epoch_line

    found = find_run(run, folder)
    if as_json:
        click.echo(json.dumps({"schema": 1, **_content(found)}))
        return
    record, status = found.record, found.status
    ended = f"{status.status}, {status.reason}" if status.reason else status.status
    click.echo(f"{found.folder}\n{record.model.full_name} for {record.task}: {ended}")
    click.echo(f"{record.data.training_images} training images of {record.data.source}")
    epochs = hyperparameters_of(found).number_of_epochs
    for entry in found.history():
        is_best = entry.epoch == status.best_epoch
        click.echo(
            epoch_line(EpochEnded(entry=entry, epochs=epochs, primary_metric=record.primary_metric, is_best=is_best))
        )


def _content(run: Run) -> dict[str, Any]:
    """All that a run's JSON files hold."""
    from vistry.runs.json_records import to_json

    return {
        "record": to_json(run.record),
        "status": to_json(run.status),
        "history": [to_json(entry) for entry in run.history()],
        "hyperparameters": {name: to_json(record) for name, record in run.hyperparameters.items()},
    }


def _line(run: Run) -> dict[str, Any]:
    """A run's entry; of one that can't be read the reason, because one bad run hides no other."""
    from vistry.errors import RunError

    try:
        record, status = run.record, run.status
    except RunError as error:
        return {"id": run.id, "folder": str(run.folder), "status": "unreadable", "error": str(error)}
    return {
        "id": run.id,
        "folder": str(run.folder),
        "task": record.task,
        "model": record.model.full_name,
        "status": status.status,
        "primary_metric": record.primary_metric,
        "best_score": status.best_score,
        "created": record.created,
    }


def _text(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"{entry['id']}  {entry['status']}: {entry['error']}"
    score = "" if entry["best_score"] is None else f"{entry['primary_metric']} {entry['best_score']:.4f}"
    return f"{entry['id']}  {entry['task']}  {entry['status']}  {score}".rstrip()
