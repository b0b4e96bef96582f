"""`vistry models`: what can be trained, one model, and several side by side."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import click

from vistry.cli import words
from vistry.cli.list_group import Noun, as_json
from vistry.cli.option_names import with_dashes
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.filters import FILTER_NAMES, FILTERS
from vistry.registry.model_filters import ModelFilters
from vistry.registry.tasks import task_named

if TYPE_CHECKING:
    from vistry.choosing.comparison import Comparison
    from vistry.choosing.measurement import Measurement


@click.group(cls=Noun)
def models() -> None:
    """List the models that can be trained, show one, or compare some."""


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
    epilog="An option that is given more than once means any of its values. In texts, * and ? stand for anything. "
    "A terminal shows the columns that fit, and a pager where the list is longer than the screen; elsewhere there is a "
    "line for each model.",
)
@_filter_options
@click.option("--sort", multiple=True, help="name, full_name, parameters, or a figure; with - before it, falling.")
@click.option("--limit", type=click.IntRange(min=1), help="List so many models at most.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many models before them.")
@click.option("--no-pager", is_flag=True, help="Print a long list at once on a terminal, too.")
@as_json
def list_models(
    limit: int | None,
    offset: int,
    no_pager: bool,
    as_json: bool,
    **options: tuple[str | int, ...] | int | bool | None,
) -> None:
    """List the models that pass every filter."""
    filters = cast(ModelFilters, {name: value for name, value in options.items() if value not in (None, ())})
    catalogue = Catalogue.read()
    matching = catalogue.models(**filters)
    listed = matching[offset:][:limit]
    if as_json:
        print_json(models=[card.to_dict() for card in listed])
    elif not listed:
        click.echo(_why_none(catalogue, filters, len(matching)), err=True)
    elif sys.stdout.isatty():
        from vistry.cli.model_list import Shown, print_on_terminal

        shown = Shown(
            listed, _meant_by(catalogue, listed), offset, matching=len(matching), installed=len(catalogue.cards)
        )
        print_on_terminal(shown, catalogue, paged=not no_pager)
    else:
        _print_models(_meant_by(catalogue, listed), listed)


def _measuring(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that measure models on this machine."""
    for option in (
        click.option("--batch", type=click.IntRange(min=1), help="Images of a measured step. [8, or the model's own]"),
        click.option("--backend", help=f"Engine to measure with: {words.backends()}. [the model's first]"),
        click.option("--task", help=f"Task to measure for: {words.task_aliases()}. [the model's first]"),
        click.option("--measure", is_flag=True, help="Measure time and memory of a step on this machine."),
    ):
        command = option(command)
    return command


@models.command()
@click.argument("name")
@_measuring
@as_json
def show(name: str, measure: bool, as_json: bool, task: str | None, backend: str | None, batch: int | None) -> None:
    """Show one model: what it is, what it needs, and what to type next."""
    from vistry.choosing.facts import model_facts
    from vistry.cli.model_facts import measured_texts, texts

    _check_measuring(measure, task=task, backend=backend, batch=batch)
    facts = model_facts(name)
    measured = _measured([facts.card], task, backend, batch=batch) if measure else []
    if as_json:
        measurement = measured[0].to_dict() if measured else None
        print_json(model=facts.card.to_dict(), facts=facts.to_dict(), measured=measurement)
        return
    print_facts({**texts(facts), **(measured_texts(measured[0]) if measured else {})})


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL MODEL ...")
@_measuring
@as_json
def compare(
    names: tuple[str, ...], measure: bool, as_json: bool, task: str | None, backend: str | None, batch: int | None
) -> None:
    """Compare models: what differs first, then what they have in common."""
    from vistry.choosing.comparison import facts_side_by_side

    _check_measuring(measure, task=task, backend=backend, batch=batch)
    comparison = facts_side_by_side(names)
    if measure:
        cards = [facts.card for facts in comparison.models]
        comparison = comparison.with_measurements(_measured(cards, task, backend, batch=batch))
    if as_json:
        print_json(**comparison.to_dict())
    else:
        _print_comparison(comparison)


def _check_measuring(measure: bool, **options: object) -> None:
    """Raise UsageError where an option of measuring stands without it."""
    given = [name for name, value in options.items() if value is not None]
    if given and not measure:
        raise click.UsageError(f"--{given[0]} says how to measure; add --measure")


def _measured(
    cards: Sequence[ModelCard], task: str | None, backend: str | None, batch: int | None
) -> list[Measurement]:
    """Measure models one after the other, and say which, because it takes a while. Raises VistryError."""
    from vistry.choosing.measurement import Question, answer_to

    questions = [Question.about(card, task=task, backend=backend, batch=batch) for card in cards]
    measured = []
    for question in questions:
        click.echo(f"measuring {question.model} with {question.backend} ...", err=True)
        measured.append(answer_to(question))
    return measured


def _names(cards: Sequence[ModelCard]) -> list[str]:
    """The models' short names; in full where several have one."""
    count = Counter(card.name for card in cards)
    return [card.name if count[card.name] == 1 else card.full_name for card in cards]


def _meant_by(catalogue: Catalogue, cards: Sequence[ModelCard]) -> list[str]:
    """What to type for each model: its short name where that means it, else its full one."""
    return [catalogue.names_of(card)[-1] for card in cards]


def _print_models(names: Sequence[str], listed: Sequence[ModelCard]) -> None:
    rows = [
        (
            name,
            ", ".join(task_named(task).alias for task in card.tasks),
            f"{card.parameters / 1e6:.1f} M",
            ", ".join(card.backends),
            card.summary,
        )
        for name, card in zip(names, listed, strict=True)
    ]
    print_table(("model", "tasks", "parameters", "backends", "summary"), rows, right=("parameters",))


def _print_comparison(comparison: Comparison) -> None:
    names = _names([facts.card for facts in comparison.models])
    differing = [row for row in comparison.rows if row.differs]
    alike = {row.fact: row.values[0] for row in comparison.rows if not row.differs}
    print_table(("", *names), [(row.fact, *row.values) for row in differing])
    if alike:
        click.echo("\nthe same for all:")
        print_facts(alike)


def _why_none(catalogue: Catalogue, filters: ModelFilters, matching: int) -> str:
    if matching:
        return f"only {matching} models match; lower --offset"
    names = filters.get("name") or ()
    parts = [f"*{name}*" for name in ((names,) if isinstance(names, str) else names)]
    wider = cast(ModelFilters, {**filters, "name": parts})
    if parts and (near := catalogue.models(**wider)):
        options = " ".join(f"--name '{part}'" for part in parts)
        return f"no model matches; {options} matches {len(near)}, where * stands for anything"
    return "no model matches" if filters else "no plugin with models is in use; type: vistry plugins"
