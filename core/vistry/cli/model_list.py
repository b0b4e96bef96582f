"""The list of models as a terminal shows it: the columns that fit, page by page, and how to narrow it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import click

from vistry.choosing.wording import aliases
from vistry.cli.printing import aligned, widths_of
from vistry.hyperparameter.fields import Fields, shared_with_policy
from vistry.hyperparameter.manifest_defaults import input_pixels
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named

_GAP = 2  # spaces between columns
# From left to right.
_ORDER = ("model", "family", "tasks", "parameters", "input", "weights", "license", "backends", "summary")
# Which are shown beside the name where the terminal hasn't room for all, the most important first.
_PRIORITY = ("parameters", "input", "weights", "tasks", "license", "family", "backends", "summary")
_RIGHT = ("parameters", "input")
_NARROWING = "--task, --family, --name '*50*', --parameters 5M..30M, --has-weights"


@dataclass(frozen=True)
class Shown:
    """The models that are shown, under these names: from `first` on, counted from 0, of those that match."""

    cards: Sequence[ModelCard]
    names: Sequence[str]
    first: int
    matching: int
    installed: int

    def sentence(self) -> str:
        """How many they are, and what to type for others or for fewer."""
        text = f"{self.installed} models"
        text = text if self.matching == self.installed else f"{self.matching} of {text}"
        last = self.first + len(self.cards)
        if len(self.cards) < self.matching:
            text = f"{self.first + 1} to {last} of {text}"
            text += f"; for the next: --offset {last}" if last < self.matching else ""
        return f"{text}; to narrow the list: {_NARROWING}; for one: vistry models show MODEL"


def print_on_terminal(shown: Shown, catalogue: Catalogue, *, paged: bool) -> None:
    """Print models, with a pager where they are more than the screen has lines; then how many they are, to stderr."""
    width, height = shutil.get_terminal_size()
    lines = table(shown, catalogue, width)
    if paged and len(lines) >= height:
        click.echo_via_pager("\n".join(lines) + "\n")
    else:
        click.echo("\n".join(lines))
    click.echo(shown.sentence(), err=True)


def table(shown: Shown, catalogue: Catalogue, width: int) -> list[str]:
    """Lines of those columns that fit beside the models' names into so many characters; nothing is cut off."""
    shared = {task: shared_with_policy(catalogue, task) for task in {card.tasks[0] for card in shown.cards}}
    rows = [_cells(name, card, shared[card.tasks[0]]) for name, card in zip(shown.names, shown.cards, strict=True)]
    needed = dict(zip(_ORDER, widths_of([_ORDER, *rows]), strict=True))
    chosen, room = {"model"}, width - needed["model"]
    for header in _PRIORITY:
        if needed[header] + _GAP <= room:
            room -= needed[header] + _GAP
            chosen.add(header)
    places = [place for place, header in enumerate(_ORDER) if header in chosen]
    lines = [[line[place] for place in places] for line in (_ORDER, *rows)]
    return aligned(lines, right=[_ORDER[place] in _RIGHT for place in places])


def _cells(name: str, card: ModelCard, shared: Fields) -> tuple[str, ...]:
    """A model's cells in the order of the columns."""
    return (
        name,
        card.family,
        aliases(card.tasks),
        f"{card.parameters / 1e6:.1f} M",
        input_text(card, shared),
        _weights_text(card),
        card.license,
        ", ".join(card.backends),
        card.summary,
    )


def _weights_text(card: ModelCard) -> str:
    """The published set that a training starts from, and how many others there are."""
    names = sorted(card.own_weights, key=lambda name: name != card.default_weights)
    return " +".join([*names[:1], *([str(len(names) - 1)] if len(names) > 1 else [])])


def input_text(card: ModelCard, shared: Fields) -> str:
    """The side of the input in pixels by default, from the smallest to the largest where they are several."""
    task = task_named(card.tasks[0])
    names = {*task.input_sizes, *card.hyperparameters}
    sizes = [one.pixels for one in input_pixels(card, task.name, shared) if one.name in names and one.pixels]
    return "-".join(dict.fromkeys(map(str, (min(sizes), max(sizes))))) if sizes else ""
