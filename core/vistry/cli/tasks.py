"""`vistry tasks`: what a model can be trained for."""

from __future__ import annotations

import click

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table


@click.group(cls=Noun)
def tasks() -> None:
    """List the tasks, or show one."""


@tasks.command(name="list")
@as_json
def list_tasks(as_json: bool) -> None:
    """List the tasks."""
    listed = vistry.tasks()
    if as_json:
        print_json(tasks=[task.to_dict() for task in listed])
    else:
        print_table(("task", "alias", "summary"), [(task.name, task.alias, task.summary) for task in listed])


@tasks.command()
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show one task by its name or alias."""
    task = vistry.find_task(name)
    if as_json:
        print_json(task=task.to_dict())
        return
    print_facts(
        {
            "name": task.name,
            "alias": task.alias,
            "summary": task.summary,
            "primary metrics": ", ".join(task.primary_metrics),
            "models": ", ".join(card.name for card in vistry.models(task=task.name)),
        }
    )
