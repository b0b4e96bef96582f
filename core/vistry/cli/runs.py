"""`vistry runs`: what has been trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from vistry.runs.folder import Run

in_folder = click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the runs are. [VISTRY_RUNS or ./runs]"
)


@click.group(cls=Noun)
def runs() -> None:
    """List runs, oldest first, or show one."""


@runs.command(name="list")
@in_folder
@as_json
def list_runs(folder: Path | None, as_json: bool) -> None:
    """List runs, oldest first."""
    entries = [_entry(run) for run in vistry.runs(folder)]
    if as_json:
        print_json(runs=entries)
    elif entries:
        _print_entries(entries)
    else:
        from vistry.runs.folder import runs_folder

        click.echo(f"there are no runs in {folder or runs_folder()}; to make one, type: vistry train --help", err=True)


@runs.command()
@click.argument("run")
@in_folder
@as_json
def show(run: str, folder: Path | None, as_json: bool) -> None:
    """Show RUN (a folder, an identifier, or "last")."""
    from vistry.training.events import EpochEnded
    from vistry.training.progress import epoch_line

    trained = vistry.find_run(run, folder)
    if as_json:
        print_json(**_content(trained))
        return
    record, status = trained.record, trained.status
    ended = f"{status.status}, {status.reason}" if status.reason else status.status
    click.echo(f"{trained.folder}\n{record.model.full_name} for {record.task}: {ended}")
    click.echo(f"{record.data.training_images} training images of {record.data.source}")
    epochs = int(trained.hyperparameters["number_of_epochs"].value or 0)
    for entry in trained.history():
        is_best = entry.epoch == status.best_epoch
        event = EpochEnded(entry=entry, epochs=epochs, primary_metric=record.primary_metric, is_best=is_best)
        click.echo(epoch_line(event))


def _content(run: Run) -> dict[str, Any]:
    """All that a run's JSON files hold."""
    from vistry.runs.json_records import to_json

    return {
        "record": to_json(run.record),
        "status": to_json(run.status),
        "history": [to_json(entry) for entry in run.history()],
        "hyperparameters": {name: to_json(record) for name, record in run.hyperparameters.items()},
    }


def _entry(run: Run) -> dict[str, Any]:
    """A run's facts as JSON values; the reason where it can't be read, because one bad run hides no other."""
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


def _print_entries(entries: list[dict[str, Any]]) -> None:
    rows = [(entry["id"], entry.get("task", ""), entry["status"], _score(entry)) for entry in entries]
    print_table(("run", "task", "status", "best score"), rows)
    for entry in entries:
        if "error" in entry:
            click.echo(f"{entry['id']} is {entry['status']}: {entry['error']}")


def _score(entry: dict[str, Any]) -> str:
    score = entry.get("best_score")
    return "" if score is None else f"{entry['primary_metric']} {score:.4f}"
