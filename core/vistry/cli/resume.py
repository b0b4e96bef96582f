"""`vistry resume`: go on with a run that was killed or stopped, or with a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import vistry
from vistry.cli.duration import time_limit
from vistry.cli.list_group import as_json
from vistry.cli.runner_option import LOCAL, runner_option
from vistry.cli.threads_option import threads_option
from vistry.cli.training_result import print_result
from vistry.errors import VistryError

if TYPE_CHECKING:
    from vistry.sweep.folder import SweepFolder

_OF_SWEEPS = ("max_trials", "runner")
_OF_RUNS = ("data", "validation", "threads")


@click.command()
@click.argument("run")
@click.option("--data", type=click.Path(path_type=Path), help="Where the run's images are now, if they have moved.")
@click.option("--validation", type=click.Path(path_type=Path), help="The same for validation images that lay apart.")
@time_limit
@click.option("--max-trials", type=int, help="Of a sweep: how many trials in all, if more than before.")
@threads_option
@runner_option
@as_json
@click.pass_context
def resume(ctx: click.Context, /, run: str, as_json: bool, **options: Any) -> None:
    """Go on with RUN (a folder, an identifier, or "last") exactly where it was, or with a sweep.

    The time limit of a run is for this part of the training, that of a sweep for all of it.
    """
    if (sweep := _sweep(run)) is not None:
        _refuse(options, _OF_RUNS, "of a run, and this is a sweep")
        _resume_sweep(ctx, sweep, as_json, options=options)
        return
    from vistry.sweep.folds.folder import FoldsFolder
    from vistry.training import progress

    _refuse(options, _OF_SWEEPS, "of a sweep, and this is a run")
    listeners = [] if as_json else [progress.progress_line()]
    if FoldsFolder.is_one(run):
        from vistry.cli.folds import print_folds
        from vistry.sweep.folds.session import resume_folds

        _refuse(options, ("validation",), "of a run, and these are folds")
        given = {name: options[name] for name in ("data", "time_limit", "threads")}
        print_folds(resume_folds(run, listeners=listeners, **given), as_json)
        return
    chosen = {name: options[name] for name in ("data", "validation", "time_limit", "threads")}
    print_result(vistry.resume(run, listeners=listeners, **chosen), as_json)


def _resume_sweep(ctx: click.Context, sweep: SweepFolder, as_json: bool, *, options: dict[str, Any]) -> None:
    from vistry.cli.sweep_result import print_sweep_result
    from vistry.sweep.session import resume_sweep

    limits = {name: options[name] for name in ("max_trials", "time_limit")}
    runner = options["runner"] or LOCAL
    result = resume_sweep(sweep.path, runner=runner, say=lambda line: click.echo(line, err=as_json), **limits)
    print_sweep_result(result, as_json)
    ctx.exit(0 if result.best is not None else 1)


def _sweep(name: str) -> SweepFolder | None:
    """The sweep of this name; None where it is a run's, or nobody's, which a run's errors say."""
    from vistry.errors import RunError
    from vistry.runs.folder import is_run, runs_in
    from vistry.sweep.folder import SWEEP, find_sweep

    if is_run(Path(name)):
        return None
    try:
        sweep = find_sweep(name)
    except RunError:
        return None
    if name == "last":
        newest = max((run.folder / "run.json" for run in runs_in()), key=_age, default=None)
        if newest is not None and _age(newest) > _age(sweep.path / SWEEP):
            return None
    return sweep


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _refuse(options: dict[str, Any], names: tuple[str, ...], reason: str) -> None:
    for name in names:
        if options[name] is not None:
            raise VistryError(f"--{name.replace('_', '-')} is {reason}; leave it out")
