"""`vistry resume`: go on with a run that was killed or stopped."""

from __future__ import annotations

from pathlib import Path

import click

import vistry
from vistry.cli.duration import time_limit
from vistry.cli.list_group import as_json
from vistry.cli.training_result import print_result


@click.command()
@click.argument("run")
@click.option("--data", type=click.Path(path_type=Path), help="Where the run's images are now, if they have moved.")
@click.option("--validation", type=click.Path(path_type=Path), help="The same for validation images that lay apart.")
@time_limit
@as_json
def resume(run: str, data: Path | None, validation: Path | None, time_limit: float | None, as_json: bool) -> None:
    """Go on with RUN (a folder, an identifier, or "last") exactly where it was."""
    from vistry.sweep.folds.folder import FoldsFolder
    from vistry.training import progress

    listeners = [] if as_json else [progress.progress_line()]
    if FoldsFolder.is_one(run):
        from vistry.cli.folds import print_folds
        from vistry.sweep.folds.session import resume_folds

        if validation is not None:
            raise click.UsageError("folds have no validation data apart; leave out --validation")
        print_folds(resume_folds(run, data=data, time_limit=time_limit, listeners=listeners), as_json)
        return
    result = vistry.resume(run, data=data, validation=validation, time_limit=time_limit, listeners=listeners)
    print_result(result, as_json)
