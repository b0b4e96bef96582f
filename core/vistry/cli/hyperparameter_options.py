"""Hyperparameters as options by their own names: `--learning_rate 0.02`."""

from __future__ import annotations

from functools import cache
from typing import Any

import click

_NAMES = "vistry.hyperparameter_names"


class HyperparameterCommand(click.Command):
    """A command that takes the hyperparameters of every installed model as options.

    Its function gets those that are given as `hyperparameters`, texts by name. Whether the model takes them, with what
    values, and whether they may be changed after training, is for its schema to say.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and, hidden from its help, an option for each hyperparameter."""
        return [*super().get_params(ctx), *map(_option, self._names(ctx))]

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command's function with the hyperparameters that are given."""
        texts = {name: ctx.params.pop(name) for name in self._names(ctx)}
        ctx.params["hyperparameters"] = {name: _one(name, given) for name, given in texts.items() if given}
        return super().invoke(ctx)

    def _names(self, context: click.Context) -> list[str]:
        if _NAMES not in context.meta:
            context.meta[_NAMES] = _hyperparameter_names()
        names: list[str] = context.meta[_NAMES]
        return names


@cache
def _option(name: str) -> click.Option:
    # `multiple` lets a second value be refused; without it click would drop the first one silently.
    return click.Option([f"--{name}", name], multiple=True, hidden=True)


def _one(name: str, texts: tuple[str, ...]) -> str:
    if len(texts) > 1:
        raise click.UsageError(f"option --{name} is given {len(texts)} times; give it once")
    return texts[0]


def _hyperparameter_names() -> list[str]:
    """The name of each hyperparameter that some installed model has, shared ones first."""
    from vistry.hyperparameter.offer import Offer, fields_on_offer
    from vistry.registry.catalogue import Catalogue

    catalogue = Catalogue.read()
    names = dict.fromkeys(fields_on_offer(Offer.of(catalogue)))
    for card in catalogue.cards:
        names |= dict.fromkeys(card.hyperparameters)
    return list(names)
