"""`vistry models`: what can be trained."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, cast

import click

import vistry
from vistry.cli import words
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.registry.cards import ModelCard
from vistry.registry.tasks import task_named

if TYPE_CHECKING:
    from vistry.queries import ModelFilters


@click.group(cls=Noun)
def models() -> None:
    """List the models that can be trained, or show one."""


@models.command(name="list")
@click.option("--task", help=f"Only models for this task: {words.task_aliases()}.")
@click.option("--family", help="Only models of this plugin.")
@click.option("--backend", help=f"Only models for this backend: {words.backends()}.")
@click.option("--name", help='Only models with a matching name, such as "*50*".')
@click.option("--max-parameters", type=int, help="Only models with at most so many parameters.")
@click.option("--license", help="Only models under this licence.")
@as_json
def list_models(as_json: bool, **options: str | int | None) -> None:
    """List the models that match every filter."""
    filters = cast("ModelFilters", {name: value for name, value in options.items() if value is not None})
    listed = vistry.models(**filters)
    if as_json:
        print_json(models=[card.to_dict() for card in listed])
    elif listed:
        _print_models(listed)
    else:
        click.echo(_why_none(filters), err=True)


@models.command()
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show one model."""
    card = vistry.model(name)
    if as_json:
        print_json(model=card.to_dict())
        return
    print_facts(
        {
            "name": card.full_name,
            "summary": card.summary,
            "tasks": ", ".join(card.tasks),
            "default for": ", ".join(card.default_for),
            "backends": ", ".join(card.backends),
            "parameters": f"{card.parameters:,}",
            "license": card.license,
            "backbone": card.backbone.full_name if card.backbone else "",
            "weights": ", ".join(map(partial(_weights, card), card.weights)),
            "layers to freeze": ", ".join("+".join(group) for group in card.freeze),
            "plugin": f"{card.distribution} {card.version}",
        }
    )


def _weights(card: ModelCard, name: str) -> str:
    """The name of published weights, and whose they are where they are the backbone's."""
    backbone = card.backbone_of_weights(name)
    return f"{name} (of {backbone})" if backbone else name


def _print_models(listed: list[ModelCard]) -> None:
    names = Counter(card.name for card in listed)
    rows = [
        (
            card.name if names[card.name] == 1 else card.full_name,
            ", ".join(task_named(task).alias for task in card.tasks),
            f"{card.parameters / 1e6:.1f} M",
            ", ".join(card.backends),
            card.summary,
        )
        for card in listed
    ]
    print_table(("model", "tasks", "parameters", "backends", "summary"), rows, right=("parameters",))


def _why_none(filters: ModelFilters) -> str:
    return "no model matches" if filters else "no plugin with models is in use; type: vistry plugins"
