"""`vistry hyperparameters`: what can be set, to what, and where each default was set."""

from __future__ import annotations

import click

import vistry
from vistry.cli import words
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_plain_json, print_table
from vistry.errors import RegistryError
from vistry.hyperparameter.aliases import meant
from vistry.hyperparameter.schema import Schema, Source
from vistry.hyperparameter.values import Hyperparameters, format_value
from vistry.registry.tasks import TASKS

for_task = click.option("--task", help=f"{words.task_aliases()}; may be left out for a model with one task.")


@click.group(cls=Noun)
def hyperparameters() -> None:
    """List the hyperparameters of a model for a task, or show one of them."""


@hyperparameters.command(name="list", cls=HyperparameterCommand)
@click.argument("model", required=False)
@for_task
@click.option("--explain", is_flag=True, help="Print each value and where it was set, file and line.")
@click.option("--json-schema", is_flag=True, help="Print a JSON Schema of the values.")
@as_json
def list_hyperparameters(
    model: str | None,
    task: str | None,
    explain: bool,
    json_schema: bool,
    as_json: bool,
    hyperparameters: dict[str, str],
) -> None:
    """List a model's hyperparameters, or with no model those a task shares.

    With --NAME VALUE, what a training with these options would use.
    """
    schema = _schema(model, task)
    if json_schema:
        print_plain_json(schema.json_schema())
        return
    values = schema.resolve([Source.of(hyperparameters, "the command line")])
    if as_json:
        fields = [{**field.to_dict(), **values.to_dict()[name]} for name, field in schema.fields.items()]
        print_json(**_subject(schema), hyperparameters=fields)
    elif explain:
        _print_explained(values)
    else:
        _print_rules(schema, values)
    for warning in values.warnings:
        click.echo(f"warning: {warning}", err=True)


@hyperparameters.command()
@click.argument("name")
@click.option("--model", help="Of this model; without it, as all models of the task share it.")
@for_task
@as_json
def show(name: str, model: str | None, task: str | None, as_json: bool) -> None:
    """Show one hyperparameter."""
    schema = _schema(model, task)
    if name not in schema.fields:
        hint = meant(name, schema.fields)
        raise RegistryError(f"{schema.owner} has no hyperparameter '{name}'; {hint}".rstrip("; "))
    field = schema.fields[name]
    if as_json:
        print_json(**_subject(schema), hyperparameter=field.to_dict())
        return
    default = format_value(field.default) if field.default is not None else f"unset: {field.spec.unset_means}"
    print_facts(
        {
            "name": field.name,
            "description": field.spec.description,
            "must be": field.rule,
            "default": default,
            "set in": field.origin,
        }
    )


def _schema(model: str | None, task: str | None) -> Schema:
    """The schema of a model and a task; a model with one task needs no --task. Raises RegistryError."""
    tasks = vistry.model(model).tasks if model else tuple(task.name for task in TASKS)
    if task is None and len(tasks) > 1:
        aliases = [entry.alias for entry in TASKS if entry.name in tasks]
        raise click.UsageError(f"name the task; add --task {' or --task '.join(aliases)}")
    return vistry.hyperparameters(model, task or tasks[0])


def _subject(schema: Schema) -> dict[str, str | None]:
    return {"task": schema.task, "model": schema.card.full_name if schema.card else None}


def _print_explained(values: Hyperparameters) -> None:
    rows = [(setting.name, format_value(setting.value), setting.origin) for setting in values.settings.values()]
    print_table(("name", "value", "set in"), rows)


def _print_rules(schema: Schema, values: Hyperparameters) -> None:
    rows = [
        (name, format_value(values[name]), field.rule, field.spec.description) for name, field in schema.fields.items()
    ]
    print_table(("name", "value", "must be", "description"), rows)
