"""`vistry models`: what can be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import cast

import click

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.option_names import with_dashes
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.registry.cards import ModelCard
from vistry.registry.filters import FILTER_NAMES, FILTERS, ModelFilters, figures_of
from vistry.registry.tasks import task_named


@click.group(cls=Noun)
def models() -> None:
    """List the models that can be trained, or show one."""


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each filter that `vistry.models` takes, by the same name."""
    for name in reversed(FILTER_NAMES):
        command = _filter_option(name)(command)
    return command


def _filter_option(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    base = name.removeprefix("exclude_")
    entry, option = FILTERS[base], f"--{with_dashes(name)}"
    if entry.kind == "flag":
        switch = f"{option}/--no-{with_dashes(name)}"
        return click.option(switch, name, default=None, help=f"Only models {entry.meaning}, or without.")
    kind = str if entry.kind == "texts" else int
    text = f"Only models {entry.meaning}." if base == name else f"No models {entry.meaning}."
    return click.option(option, name, type=kind, multiple=entry.kind in ("texts", "counts"), help=text)


@models.command(
    name="list",
    epilog="An option that is given more than once means any of its values. In texts, * and ? stand for anything.",
)
@_filter_options
@click.option("--sort", multiple=True, help="name, full_name, parameters, or a figure; with - before it, falling.")
@as_json
def list_models(as_json: bool, **options: tuple[str | int, ...] | int | bool | None) -> None:
    """List the models that pass every filter."""
    filters = cast(ModelFilters, {name: value for name, value in options.items() if value not in (None, ())})
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
            "tags": ", ".join(card.tags),
            "backbone": card.backbone.full_name if card.backbone else "",
            "feature maps": _maps(card),
            "input": _input(card),
            "weights": ", ".join(map(partial(_weights, card), card.weights)),
            "published": ", ".join(f"{data_set}.{figure} {value:g}" for data_set, figure, value in figures_of(card)),
            "layers to freeze": ", ".join("+".join(group) for group in card.freeze),
            "plugin": f"{card.distribution} {card.version}",
        }
    )


def _weights(card: ModelCard, name: str) -> str:
    """The name of published weights, and whose they are where they are the backbone's."""
    backbone = card.backbone_of_weights(name)
    return f"{name} (of {backbone})" if backbone else name


def _maps(card: ModelCard) -> str:
    maps = card.feature_maps
    if maps is None:
        return ""
    pairs = zip(maps.channels, maps.strides, strict=True)
    return ", ".join(f"{channels} channels at stride {stride}" for channels, stride in pairs)


def _input(card: ModelCard) -> str:
    """The sides that an input may have in words; empty where any will do."""
    sizes = card.input_sizes
    if sizes.sizes is not None:
        return f"{', '.join(map(str, sizes.sizes))} pixels"
    rules = [f"at least {sizes.smallest}"] if sizes.smallest > 1 else []
    rules += [f"at most {sizes.largest}"] if sizes.largest is not None else []
    rules += [f"a multiple of {sizes.multiple_of}"] if sizes.multiple_of > 1 else []
    return f"{', '.join(rules)} pixels" if rules else ""


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
