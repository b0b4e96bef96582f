"""`vistry train`: the main job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vistry.cli.duration import Duration
from vistry.cli.hyperparameter_flags import parse_flags

if TYPE_CHECKING:
    from vistry.training.plan import Plan
    from vistry.training.session import TrainingResult


class _TrainCommand(click.Command):
    """Shows the model's own hyperparameters in --help where --task is given."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(context, formatter)
        task, model = context.params.get("task"), context.params.get("model")
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
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog="Hyperparameters are flags by their own names: --learning_rate 0.02. For their list add --task and "
    "--model before --help, or type: vistry hyperparameters MODEL --task TASK",
)
@click.option("--data", "data_path", type=click.Path(path_type=Path), required=True, help="Labelled images.")
@click.option("--task", required=True, is_eager=True, help="multiclass, multilabel, or the task's full name.")
@click.option("--model", is_eager=True, help="Model name; type: vistry models.")
@click.option("--validation", type=click.Path(path_type=Path), help="Labelled images to validate on.")
@click.option("--validation-size", type=float, help="Share split off when none is given. [0.2]")
@click.option("--format", "data_format", help="Format of the data and the validation data, if not recognised.")
@click.option("--primary-metric", help="Metric that decides which epoch is the best.")
@click.option("--config", "configs", type=click.Path(path_type=Path), multiple=True, help="YAML or TOML file.")
@click.option("--backend", default="torch", help="Engine that trains: torch or jax. [torch]")
@click.option("--output", type=click.Path(path_type=Path), help="Run folder to make. [runs/...]")
@click.option("--time-limit", type=Duration(), help="Be over in this time: 90s, 30m, 2h.")
@click.option("--dry-run", is_flag=True, help="Check everything, print the plan, stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON and nothing else.")
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Train a model on labelled images."""
    from vistry.hyperparameter.sources import read_file
    from vistry.training import progress
    from vistry.training.plan import Request, make_plan
    from vistry.training.session import carry_out, deadline_in, sources_of

    deadline = deadline_in(options["time_limit"])
    flags = parse_flags(context.args, [parameter.opts[0] for parameter in context.command.params])
    request = Request(
        data=options["data_path"],
        task=options["task"],
        model=options["model"],
        validation=options["validation"],
        format=options["data_format"],
        validation_size=options["validation_size"],
        primary_metric=options["primary_metric"],
        backend=options["backend"],
    )
    plan = make_plan(request, sources_of([read_file(path) for path in options["configs"]], flags))
    if options["dry_run"]:
        click.echo(_plan_json(plan) if options["as_json"] else _plan_text(plan))
        return
    for line in plan.warnings():
        click.echo(f"warning: {line}", err=True)
    if not options["as_json"]:
        click.echo(_summary(plan))
    listeners = [] if options["as_json"] else [progress.progress_line()]
    result = carry_out(plan, output=options["output"], deadline=deadline, listeners=listeners)
    click.echo(result_json(result) if options["as_json"] else result_text(result))


def _summary(plan: Plan) -> str:
    lines = [
        f"{plan.context.card.full_name} for {plan.context.task.name}: {len(plan.classes)} classes, "
        f"{len(plan.training)} training and {len(plan.validation)} validation images"
    ]
    for diagnosis in plan.diagnoses:
        left_out = diagnosis.quarantined
        lines += [f"left out: {finding.quarantines}: {finding.reason}" for finding in left_out[:10]]
        if len(left_out) > 10:
            lines.append(f"left out: {len(left_out) - 10} more, in the run's findings.json")
    return "\n".join(lines)


def _plan_json(plan: Plan) -> str:
    from dataclasses import asdict

    from vistry.training.estimate import estimate
    from vistry.training.plan_summary import PlanSummary

    return json.dumps(
        {"schema": 1, "plan": PlanSummary.of(plan).to_dict(), "estimate": asdict(estimate(plan))}, indent=2
    )


def _plan_text(plan: Plan) -> str:
    from vistry.hyperparameter.values import format_value
    from vistry.report.numbers import duration
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
        f"about {duration(expected.total_seconds)} and {expected.memory_bytes / 2**30:.1f} GiB, "
        f"measured on a few steps of {expected.step_seconds:.2f} s"
    )
    settings = plan.hyperparameters.settings.values()
    width = max(len(setting.name) for setting in settings)
    lines += [f"  {item.name:<{width}}  {format_value(item.value):<14}  {item.origin}" for item in settings]
    lines += [f"warning: {line}" for line in facts.warnings]
    return "\n".join(lines)


def result_json(result: TrainingResult) -> str:
    """The result of a training for a program."""
    return json.dumps(
        {
            "schema": 1,
            "run": str(result.run.folder),
            "status": result.outcome.status,
            "reason": result.outcome.reason,
            "best_epoch": result.outcome.best_epoch,
            "best_score": result.outcome.best_score,
            "metrics": result.metrics,
        }
    )


def result_text(result: TrainingResult) -> str:
    """The result of a training for a person."""
    from vistry.report.page import REPORT

    outcome, run = result.outcome, result.run
    score = "" if outcome.best_score is None else f", {run.record.primary_metric} {outcome.best_score:.4f}"
    return (
        f"{outcome.reason}; best: epoch {(outcome.best_epoch or 0) + 1}{score}\n"
        f"run:     {run.folder}\n"
        f"report:  {run.folder / REPORT}\n"
        f"weights: {run.best_weights}\n"
        f"predict: vistry predict {run.folder} IMAGE..."
    )
