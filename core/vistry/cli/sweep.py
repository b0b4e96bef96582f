"""`vistry sweep`: many trainings in search of a good one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vistry.cli import words
from vistry.cli.amounts import BYTES, COUNTS, SECONDS, Amount
from vistry.cli.duration import time_limit
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import as_json
from vistry.cli.printing import aligned, print_json
from vistry.cli.reading_options import reading_options
from vistry.cli.runner_option import LOCAL, runner_option
from vistry.cli.sweep_result import print_sweep_result
from vistry.cli.threads_option import threads_option
from vistry.errors import VistryError

if TYPE_CHECKING:
    from vistry.sweep.outlook import Outlook
    from vistry.sweep.request import Limits, SweepRequest
    from vistry.sweep.session import SweepPlan, SweepResult

SAMPLERS = ("auto", "random", "sobol", "grid", "bayesian")
STOPPINGS = ("halving", "none", "bandit", "median_stopping", "truncation_selection")


@click.command(
    cls=HyperparameterCommand,
    epilog="Hyperparameters are options by their own names, each with one value, several, or a range: "
    "--optimizer sgd,adamw --learning_rate 0.001..0.1 --number_of_epochs 15. Without any, what is worth searching is "
    "searched. For their list type: vistry hyperparameters MODEL --task TASK",
)
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Labelled images.")
@click.option("--task", help=f"{words.task_aliases()}, or the task's full name. [guessed from the labels]")
@click.option("--model", help="Model name, or several with commas; type: vistry models.")
@click.option("--max-trials", type=int, help="How many trials. [20 without a time limit]")
@click.option("--max-concurrent-trials", type=int, help="How many at once. [one a GPU, one without]")
@time_limit
@click.option("--config", type=click.Path(path_type=Path), help="YAML or TOML file; options go over what it says.")
@click.option("--sampler", help=f"How trials are chosen: {', '.join(SAMPLERS)}. [auto]")
@click.option("--stopping", help=f"When they are ended early: {', '.join(STOPPINGS)}. [halving]")
@click.option("--slack-factor", type=float, help="bandit: by which part of itself a trial may be below the best.")
@click.option("--slack-amount", type=float, help="bandit: by how much a trial may be below the best.")
@click.option("--truncation-percentage", type=int, help="truncation_selection: how many percent are ended.")
@click.option("--evaluation-interval", type=int, help="The three policies look at every so-manieth report. [1]")
@click.option("--delay-evaluation", type=int, help="... from this one on. [0]")
@click.option("--max-parameters", type=Amount(COUNTS), help="Only models with at most so many, such as 12M.")
@click.option("--max-model-size", type=Amount(BYTES), help="Only models whose weights are as small: 20MB, 64MiB.")
@click.option("--max-latency", type=Amount(SECONDS), help="Only models that predict an image as fast: 30ms.")
@click.option("--max-memory", type=Amount(BYTES), help="Only models that train with as little memory: 6GiB.")
@click.option("--max-download", type=Amount(BYTES), help="Bytes of weights to fetch where no model is named. [1GiB]")
@click.option("--seed", type=int, help="Seed of the sampler. [0]")
@click.option("--validation", type=click.Path(path_type=Path), help="Labelled images to validate on.")
@click.option("--validation-size", type=float, help="Share of the data split off when none is given. [0.2]")
@click.option("--group-by", metavar="COLUMN|PATTERN", help="What stays on one side: a column, or '{group}_*.jpg'.")
@reading_options
@click.option("--primary-metric", help=f"Metric that is searched by: {words.primary_metrics()}.")
@click.option("--backend", default="torch", help=f"Engine that trains: {words.backends()}. [torch]")
@threads_option
@runner_option
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the sweep to make. [runs/...]")
@click.option("--begin-only", is_flag=True, help="Make the sweep's folder and stop; vistry resume works on it.")
@click.option("--dry-run", is_flag=True, help="Check everything, print the space and what fits the time, stop.")
@as_json
@click.pass_context
def run(ctx: click.Context, /, dry_run: bool, as_json: bool, output: Path | None, **options: Any) -> None:
    """Search for a good model of labelled images."""
    begin_only = options.pop("begin_only")
    if begin_only and dry_run:
        raise VistryError("--begin-only makes a folder, and --dry-run makes none; leave one of them out")
    if begin_only and options["runner"] is not None:
        raise VistryError(
            "--begin-only trains nothing, and --runner is for those who do: leave it out, and give it to vistry resume"
        )
    if dry_run:
        check_runner(options["runner"], options["backend"])
        print_outlook(_planned(options, as_json), as_json)
        return
    if begin_only:
        _begin(options, output, as_json)
        return
    result = _searched(options, output, as_json)
    print_sweep_result(result, as_json)
    ctx.exit(0 if result.best is not None else 1)


def _planned(options: dict[str, Any], as_json: bool) -> SweepPlan:
    from vistry.sweep.session import plan_sweep

    return plan_sweep(_request(options), threads=options["threads"], say=_say(as_json))


def _begin(options: dict[str, Any], output: Path | None, as_json: bool) -> None:
    """Make the folder, and say how it is worked on."""
    from vistry.sweep.session import begin

    plan = _planned(options, as_json)
    introduce(plan, as_json)
    folder = begin(plan, output=output)
    if as_json:
        print_json(sweep=str(folder.path))
    else:
        click.echo(f"sweep: {folder.path}\nto work on it, type, as often as you like: vistry resume {folder.path}")


def _searched(options: dict[str, Any], output: Path | None, as_json: bool) -> SweepResult:
    """Plan, say what is planned, and carry it out."""
    import time

    from vistry.sweep import session

    began = time.time()
    # It loads what trials need while this process plans.
    with session.runner_named(options["runner"] or LOCAL, options["backend"]) as runner:
        plan = session.with_threads(_planned(options, as_json), options["threads"], runner)
        introduce(plan, as_json)
        folder = session.begin(plan, output=output)
        click.echo(f"sweep: {folder.path}", err=as_json)
        return session.work_on(folder, began=began, runner=runner, say=_say(as_json))


def introduce(plan: SweepPlan, as_json: bool) -> None:
    """Print what will be searched, and what the user should know before it is."""
    click.echo(_summary(plan), err=as_json)
    for note in plan.notes:
        click.echo(f"note: {note}", err=True)
    for warning in plan.first.warnings():
        click.echo(f"warning: {warning}", err=True)


def _say(as_json: bool) -> Any:
    return lambda line: click.echo(line, err=as_json)


def _request(options: dict[str, Any]) -> SweepRequest:
    """The sweep that the options ask for, over what a config file does."""
    from vistry.sweep.asked import sweep_asked_for

    models = [name.strip() for name in (options["model"] or "").split(",") if name.strip()]
    request, settings = sweep_asked_for(options, models, options["hyperparameters"])
    for line in settings.lines:
        click.echo(f"note: {line}", err=True)
    return request


def _summary(plan: SweepPlan) -> str:
    """What is searched, for which task, on which data."""
    from vistry.data.digest import class_line
    from vistry.sweep.worker import limits_text

    request, first = plan.request, plan.first
    models = ", ".join(model.rpartition("/")[2] for model in plan.space.models)
    limits = limits_text(request.limits.max_trials, request.limits.time_limit)
    return "\n".join(
        [
            f"{models} for {plan.task}: {len(first.training)} training and {len(first.validation)} validation images",
            class_line(first.training),
            f"up to {limits}, by {first.primary_metric}; {request.sampler.name} chooses, {request.termination.name} "
            f"ends early; {plan.threads} thread{'s' if plan.threads != 1 else ''} a trial",
        ]
    )


def check_runner(runner: str | None, backend: str) -> None:
    """Say what a dry run doesn't know of a runner. Raises VistryError for one that there isn't."""
    from vistry.sweep.session import runner_named

    runner_named(runner or LOCAL, backend)
    if runner not in (None, LOCAL):
        click.echo("note: times and threads are of this machine; a dry run doesn't ask the cluster", err=True)


def print_outlook(plan: SweepPlan, as_json: bool) -> None:
    """Print the space, and how many trials fit the time, measured on a few steps."""
    from dataclasses import asdict

    from vistry.runs.json_records import to_json
    from vistry.sweep.outlook import outlook_of

    outlook = outlook_of(plan)
    if as_json:
        print_json(space=to_json(plan.space), outlook=asdict(outlook), notes=list(plan.notes), threads=plan.threads)
        return
    click.echo("\n".join([_summary(plan), *_space_lines(plan), *_outlook_lines(outlook, plan.request.limits)]))
    for note in plan.notes:
        click.echo(f"note: {note}")


def _space_lines(plan: SweepPlan) -> list[str]:
    """Each group: its models, and what each of its hyperparameters is drawn from."""
    from vistry.sweep.wording import distribution_text

    lines = []
    for group in plan.space.groups:
        lines.append("searched for " + ", ".join(model.rpartition("/")[2] for model in group.models) + ":")
        rows = [(f"  {name}", distribution_text(drawn)) for name, drawn in group.parameters.items()]
        lines += aligned(rows, right=[False, False]) if rows else ["  nothing but the defaults"]
    return lines


def _outlook_lines(outlook: Outlook, limits: Limits) -> list[str]:
    from vistry.report.numbers import duration
    from vistry.sweep.worker import limits_text

    lines = []
    if outlook.points is not None:
        text = f"{outlook.points} points"
        if limits.max_trials is not None:
            left = f"{outlook.left_out} left out" if outlook.left_out else "all are tried"
            text += f", {limits.max_trials} trials: {left}"
        lines.append(text)
    for one in outlook.models:
        rung = f"; its first rung is epoch {one.first_rung}" if one.first_rung < one.epochs else ""
        lines.append(
            f"{one.model.rpartition('/')[2]}: about {duration(one.seconds)} for {one.epochs} epochs, measured on a few "
            f"steps{rung}"
        )
    if outlook.trainings is not None:
        rungs = f", or {outlook.trials} to their first rung" if outlook.trials != outlook.trainings else ""
        lines.append(f"into {limits_text(None, limits.time_limit)} fit about {outlook.trainings} trainings{rungs}")
    return lines
