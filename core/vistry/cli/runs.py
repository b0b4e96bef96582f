"""`vistry runs`: what has been trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_json, print_table
from vistry.errors import RunError
from vistry.hyperparameter.recorded import hyperparameters_of

if TYPE_CHECKING:
    from vistry.runs.folder import Run
    from vistry.runs.many import ManyRuns

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
    """List runs, oldest first, and then sweeps and cross-validations, of which the best run is told."""
    from vistry.runs.many import many_runs_in

    entries = [_listed(run) for run in vistry.runs(folder)]
    many = [_listed_many(one) for one in many_runs_in(folder)]
    if as_json:
        print_json(runs=[asdict(entry) for entry in entries], many=[asdict(one) for one in many])
        return
    if entries:
        _print_table(entries)
    if many:
        _print_many(many, after_runs=bool(entries))
    if not entries and not many:
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

    if sentence := _not_a_run(run, folder):
        raise RunError(sentence)
    trained = vistry.find_run(run, folder)
    if as_json:
        print_json(**_content(trained))
        return
    record, status = trained.record, trained.status
    ended = f"{status.status}, {status.reason}" if status.reason else status.status
    click.echo(f"{trained.folder}\n{record.model.full_name} for {record.task}: {ended}")
    click.echo(f"{record.data.training_images} training images of {record.data.source}")
    epochs = hyperparameters_of(trained).number_of_epochs
    for entry in trained.history():
        is_best = entry.epoch == status.best_epoch
        event = EpochEnded(entry=entry, epochs=epochs, primary_metric=record.primary_metric, is_best=is_best)
        click.echo(epoch_line(event))


def _not_a_run(name: str, folder: Path | None) -> str:
    """What a folder of many runs is, and how to look at it; nothing for others."""
    from vistry.runs.many import find_many_runs

    many = find_many_runs(name, folder)
    if many is None:
        return ""
    place = name if Path(name).is_dir() else str(many.folder)
    if many.kind == "sweep":
        return f"{name} is a sweep; to see its trials, type: vistry sweep show {place}"
    return (
        f"{name} has a run for each fold; to see one, type: vistry runs show {Path(place) / 'folds' / 'fold-1'}; "
        f"of all folds, see {Path(place) / 'report.html'}"
    )


def _content(run: Run) -> dict[str, object]:
    """All that a run's JSON files hold."""
    from vistry.runs.json_records import to_json

    return {
        "record": to_json(run.record),
        "status": to_json(run.status),
        "history": [to_json(entry) for entry in run.history()],
        "hyperparameters": {name: to_json(record) for name, record in run.hyperparameters.items()},
    }


@dataclass(frozen=True)
class _ListedRun:
    """A run as a line of the list."""

    id: str
    folder: str
    task: str
    model: str
    status: str
    primary_metric: str
    best_score: float | None
    created: str

    @property
    def best(self) -> str:
        """The best score with its metric's name; nothing before the first evaluation."""
        return "" if self.best_score is None else f"{self.primary_metric} {self.best_score:.4f}"


@dataclass(frozen=True)
class _UnreadableRun:
    """A run whose files can't be read. It is listed with the reason, because one bad run hides no other."""

    id: str
    folder: str
    status: str
    error: str


@dataclass(frozen=True)
class _ListedMany:
    """A sweep or a cross-validation as a line of the list; `best_run` is None where none has a model yet."""

    id: str
    folder: str
    kind: str
    task: str
    best_run: str | None
    best: str


def _listed_many(many: ManyRuns) -> _ListedMany:
    task, run, score = "", None, ""
    try:
        task = str(many.record().get("task", ""))
        best = many.best()
        run, score = str(best.run.folder), best.score
    except RunError:  # one without a model, or a damaged one, hides no other
        pass
    return _ListedMany(id=many.id, folder=str(many.folder), kind=many.kind, task=task, best_run=run, best=score)


def _print_many(many: list[_ListedMany], after_runs: bool) -> None:
    if after_runs:
        click.echo()
    rows = [(one.id, one.task, one.kind, one.best) for one in many]
    print_table(("sweep or folds", "task", "kind", "best score"), rows)
    click.echo("to see the trials of a sweep, type: vistry sweep show NAME")


def _listed(run: Run) -> _ListedRun | _UnreadableRun:
    try:
        record, status = run.record, run.status
    except RunError as error:
        return _UnreadableRun(id=run.id, folder=str(run.folder), status="unreadable", error=str(error))
    return _ListedRun(
        id=run.id,
        folder=str(run.folder),
        task=record.task,
        model=record.model.full_name,
        status=status.status,
        primary_metric=record.primary_metric,
        best_score=status.best_score,
        created=record.created,
    )


def _print_table(entries: list[_ListedRun | _UnreadableRun]) -> None:
    rows = [
        (entry.id, entry.task, entry.status, entry.best)
        if isinstance(entry, _ListedRun)
        else (entry.id, "", entry.status, "")
        for entry in entries
    ]
    print_table(("run", "task", "status", "best score"), rows)
    for entry in entries:
        if isinstance(entry, _UnreadableRun):
            click.echo(f"{entry.id} is {entry.status}: {entry.error}")
