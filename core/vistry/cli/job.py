"""`vistry job`: job files of the hosted product, carried out on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vistry.cli.duration import time_limit
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json
from vistry.cli.runner_option import LOCAL, runner_option

if TYPE_CHECKING:
    from vistry.inference.evaluate import Evaluation
    from vistry.sweep.job_files.job import Job
    from vistry.sweep.job_files.run import JobPlan, JobResult

KINDS = {
    "training": "one training",
    "sweep": "a sweep",
    "automatic": "the automatic mode, a sweep of a space of its own",
}


@click.group()
def job() -> None:
    """Carry out job files of the hosted product."""


@job.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    multiple=True,
    metavar="NAME=PATH",
    help="Where data is on this machine. NAME is train, validation or test, or a reference such as azureml:cats:1.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the run or the sweep to make. [runs/...]")
@time_limit
@runner_option
@click.option("--dry-run", is_flag=True, help="Check everything, print what would be done, stop.")
@as_json
@click.pass_context
def run_job(ctx: click.Context, /, file: Path, data: tuple[str, ...], *, as_json: bool, **options: Any) -> None:
    """Train what FILE, a job file in YAML, asks for: one model, or a sweep."""
    from vistry.cli.sweep import check_runner
    from vistry.sweep.job_files.data_paths import data_map
    from vistry.sweep.job_files.job import read_job
    from vistry.sweep.job_files.run import carry_out_job, plan_job, with_time_limit
    from vistry.training import progress

    began = time.monotonic()
    wanted = with_time_limit(read_job(file, data_map(data)), options["time_limit"])
    for line in _lines(wanted):
        click.echo(line, err=as_json)
    plan = plan_job(wanted, runner=options["runner"] or LOCAL, say=lambda line: click.echo(line, err=as_json))
    if options["dry_run"]:
        check_runner(options["runner"], wanted.request.training.backend)
        _print_plan(plan, as_json)
        return
    _introduce(plan, as_json)
    result = carry_out_job(
        plan,
        output=options["output"],
        began=began,
        say=lambda line: click.echo(line, err=as_json),
        listeners=[] if as_json else [progress.progress_line()],
    )
    (_print_json if as_json else _print_result)(result)
    ctx.exit(0 if result.run is not None else 1)


def _lines(wanted: Job) -> Iterator[str]:
    """What the file is, and what a reader of it has to be told."""
    limits, trials = wanted.request.limits, wanted.request.limits.max_trials
    count = "" if wanted.kind == "training" else f", {trials} trials"
    limit = "" if limits.time_limit is None else f", at most {limits.time_limit / 60:g} minutes"
    yield f"{wanted.path}: {KINDS[wanted.kind]}{count}{limit}"
    yield from (f"note: {line}" for line in wanted.lines)


def _introduce(plan: JobPlan, as_json: bool) -> None:
    if plan.training is not None:
        from vistry.cli.train import introduce

        introduce(plan.training, plan.training.warnings(), as_json)
    if plan.sweep is not None:
        from vistry.cli.sweep import introduce as introduce_sweep

        introduce_sweep(plan.sweep, as_json)


def _print_plan(plan: JobPlan, as_json: bool) -> None:
    if plan.training is not None:
        from vistry.cli.train import print_plan

        print_plan(plan.training, as_json)
    if plan.sweep is not None:
        from vistry.cli.sweep import print_outlook

        print_outlook(plan.sweep, as_json)


def _print_result(result: JobResult) -> None:
    if result.training is not None:
        from vistry.cli.training_result import print_result

        print_result(result.training, as_json=False)
    if result.sweep is not None:
        from vistry.cli.sweep_result import print_sweep_result

        print_sweep_result(result.sweep, as_json=False)
    if result.test is not None and result.sweep is None:
        click.echo(_measured(result.test, result.job.test))
    if result.run is not None and result.job.request.best_to is not None:
        click.echo(f"copy:    {result.job.request.best_to}")


def _print_json(result: JobResult) -> None:
    """Print what the training's or the sweep's own command prints, and what the job adds to it."""
    of_kind: dict[str, object] = {}
    if result.training is not None:
        from vistry.cli.training_result import result_json

        of_kind = result_json(result.training)
    if result.sweep is not None:
        from vistry.cli.sweep_result import sweep_result_json

        of_kind = sweep_result_json(result.sweep)
    job = result.job
    of_kind["test"] = result.test and result.test.to_dict()
    print_json(kind=job.kind, notes=list(job.lines), **of_kind, copied_to=job.request.best_to)


def _measured(test: Evaluation, data: Path | None) -> str:
    """The figure on the test data, with its doubt."""
    primary, interval = test.primary_metric, test.doubt.interval
    doubt = "" if interval is None else f" ({interval.low:.4f} to {interval.high:.4f})"
    return f"test:    {primary} {test.metrics[primary]:.4f}{doubt} on {test.images} images of {data}"
