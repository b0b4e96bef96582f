"""`vistry train`: the main job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vistry.cli import words
from vistry.cli.duration import time_limit
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json
from vistry.cli.reading_options import reading_options
from vistry.cli.threads_option import threads_option
from vistry.cli.training_result import print_result
from vistry.registry.tasks import task_named

if TYPE_CHECKING:
    from vistry.hyperparameter.schema import Source
    from vistry.sweep.folds.plan import FoldsPlan
    from vistry.training.plan import Plan, Request


class _TrainCommand(HyperparameterCommand):
    """Shows the model's own hyperparameters in --help where --task is given."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog, and the hyperparameters of the task or the model."""
        super().format_epilog(ctx, formatter)
        task, model = ctx.params.get("task"), ctx.params.get("model")
        if not task:
            return
        from vistry.hyperparameter.values import format_value
        from vistry.queries import hyperparameters

        fields = hyperparameters(model, task).fields.values()
        rows = [(f"--{field.name}", f"{field.rule}; default {format_value(field.default)}") for field in fields]
        with formatter.section(f"Hyperparameters of {model or task}"):
            formatter.write_dl(rows)


@click.command(
    cls=_TrainCommand,
    epilog="Hyperparameters are options by their own names: --learning_rate 0.02. For their list add --task and "
    "--model before --help, or type: vistry hyperparameters MODEL --task TASK",
)
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Labelled images.")
@click.option(
    "--task", is_eager=True, help=f"{words.task_aliases()}, or the task's full name. [guessed from the labels]"
)
@click.option("--model", is_eager=True, help="Model name; type: vistry models.")
@click.option("--validation", type=click.Path(path_type=Path), help="Labelled images to validate on.")
@click.option("--validation-size", type=float, help="Share of the data split off when none is given. [0.2]")
@click.option("--folds", type=int, metavar="N", help="Train N times, each time measured on another Nth of the images.")
@click.option("--group-by", metavar="COLUMN|PATTERN", help="What stays on one side: a column, or '{group}_*.jpg'.")
@reading_options
@click.option("--primary-metric", help=f"Metric that decides which epoch is the best: {words.primary_metrics()}.")
@click.option("--config", "configs", type=click.Path(path_type=Path), multiple=True, help="YAML or TOML file.")
@click.option("--backend", default="torch", help=f"Engine that trains: {words.backends()}. [torch]")
@click.option("--output", type=click.Path(path_type=Path), help="Run folder to make. [runs/...]")
@time_limit
@threads_option
@click.option("--dry-run", is_flag=True, help="Check everything, print the plan, stop.")
@as_json
def train(
    configs: tuple[Path, ...],
    output: Path | None,
    time_limit: float | None,
    threads: int | None,
    folds: int | None,
    dry_run: bool,
    as_json: bool,
    hyperparameters: dict[str, str],
    **request: Any,
) -> None:
    """Train a model on labelled images."""
    from vistry.cli.folds import print_folds
    from vistry.sweep.folds.plan import plan_folds
    from vistry.sweep.folds.session import carry_out_folds
    from vistry.training import progress
    from vistry.training.cores import set_apart
    from vistry.training.folds_advice import folds_advice
    from vistry.training.plan import make_plan
    from vistry.training.session import carry_out, deadline_in

    deadline = deadline_in(time_limit)
    listeners = [] if as_json else [progress.progress_line()]
    with set_apart(threads) as cores:
        wanted = _asked(configs, hyperparameters, request)
        if folds is not None:
            planned = plan_folds(*wanted, folds)
            _introduce_folds(planned, dry_run=dry_run, as_json=as_json)
            if not dry_run:
                whole = carry_out_folds(planned, output=output, deadline=deadline, cores=cores, listeners=listeners)
                print_folds(whole, as_json)
            return
        plan = make_plan(*wanted)
        if dry_run:
            print_plan(plan, as_json)
            return
        introduce(plan, plan.warnings(), as_json)
        if line := folds_advice(plan):
            click.echo(f"note: {line}", err=True)
        result = carry_out(plan, output=output, deadline=deadline, cores=cores, listeners=listeners)
    print_result(result, as_json)


def _asked(
    configs: Sequence[Path], hyperparameters: dict[str, str], request: dict[str, Any]
) -> tuple[Request, list[Source]]:
    from vistry.data.source import ReadingOptions
    from vistry.hyperparameter.sources import read_file
    from vistry.training.plan import Request
    from vistry.training.session import sources_of

    reading = ReadingOptions.of(**{name: request.pop(name) for name in ("format", "images", "columns", "classes_at")})
    sources = sources_of([read_file(path) for path in configs], hyperparameters)
    return Request(reading=reading, **request), sources


def _introduce_folds(planned: FoldsPlan, *, dry_run: bool, as_json: bool) -> None:
    """Print what will be trained on folds: of a dry run the plan of the first, which the others are like."""
    click.echo(planned.sentence, err=as_json)
    first = planned.fold(1)
    if dry_run:
        print_plan(first, as_json)
    else:
        introduce(first, planned.warnings(), as_json)


def introduce(plan: Plan, warnings: Iterable[str], as_json: bool) -> None:
    """Print what will be trained, and what the user should know before it is."""
    click.echo(_summary(plan), err=as_json)
    for line in warnings:
        click.echo(f"warning: {line}", err=True)
    if any(finding.severity != "info" for finding in plan.findings):
        click.echo(
            f"note: all that was found in the data: vistry doctor {plan.request.data}; later findings.json", err=True
        )


def _summary(plan: Plan) -> str:
    """The model, the task and the data in six lines at the most, and a line for each kind of what is left out."""
    from vistry.data.digest import class_line, left_out_lines, readable

    task, table = plan.context.task.name, plan.diagnoses[0].table
    guessed = f" (guessed: {plan.task_reason})" if plan.task_reason else ""
    lines = [
        f"{plan.context.card.full_name} for {task}: {len(plan.classes)} classes, "
        f"{len(plan.training)} training and {len(plan.validation)} validation images",
        f"{readable(str(plan.request.data))}: {table.format}, {task_named(task).alias}{guessed}",
        class_line(plan.training),
        *plan.division.lines(table),
    ]
    if plan.split.group_by:
        lines.append(f"split: {plan.split}")
    return "\n".join([*lines, *left_out_lines(item for diagnosis in plan.diagnoses for item in diagnosis.quarantined)])


def print_plan(plan: Plan, as_json: bool) -> None:
    """Print everything that is decided, and what a training would take, measured on a few steps."""
    from dataclasses import asdict

    from vistry.training.advice import advice
    from vistry.training.estimate import estimate
    from vistry.training.plan_summary import PlanSummary

    if as_json:
        expected = estimate(plan)
        advised = advice(plan.context, expected.epoch_seconds)
        print_json(plan=PlanSummary.of(plan).to_dict(), estimate=asdict(expected), advice=advised)
    else:
        click.echo(_plan_text(plan))


def _plan_text(plan: Plan) -> str:
    from vistry.hyperparameter.values import format_value
    from vistry.report.numbers import duration
    from vistry.training.advice import advice
    from vistry.training.estimate import estimate
    from vistry.training.plan_summary import PlanSummary

    facts, expected = PlanSummary.of(plan), estimate(plan)
    lines = [_summary(plan)]
    lines += [f"  {name}: {count}" for name, count in facts.classes.items()]
    lines.append(
        f"{facts.steps_per_epoch} batches an epoch, {facts.updates} updates in all; "
        f"best epoch by {facts.primary_metric}; starts from {facts.start}"
    )
    engine = expected.engine
    lines.append(
        f"{engine.parameters:,} parameters, {engine.trainable_parameters:,} of them trained; "
        f"{engine.device}, {engine.precision} ({engine.precision_reason})"
    )
    lines.append(
        f"about {_range(duration(expected.total_seconds), duration(expected.slowest_total_seconds))} and "
        f"{expected.memory_bytes / 2**30:.1f} GiB, measured on a few steps: {expected.steps} of "
        f"{_range(f'{expected.step_seconds:.2f}', f'{expected.slowest_step_seconds:.2f}')} s, after one to warm up"
    )
    if advised := advice(plan.context, expected.epoch_seconds):
        lines.append(advised)
    settings = plan.hyperparameters.settings.values()
    width = max(len(setting.name) for setting in settings)
    lines += [f"  {item.name:<{width}}  {format_value(item.value):<14}  {item.origin}" for item in settings]
    lines += [f"warning: {line}" for line in facts.warnings]
    return "\n".join(lines)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
