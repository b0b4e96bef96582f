"""Flags of the hyperparameters that may be changed for a trained model."""

from __future__ import annotations

from typing import Any

import click

_NAMES = "vistry.changed_flags"


class ChangingCommand(click.Command):
    """Takes the hyperparameters of prediction, those of plugins too, as flags by their own names.

    Its function gets those that were given as `changed`, texts by name.
    """

    def get_params(self, context: click.Context) -> list[click.Parameter]:
        own = super().get_params(context)
        return [*own, *(click.Option([f"--{name}", name], hidden=True) for name in _names(context))]

    def invoke(self, context: click.Context) -> Any:
        given = {name: context.params.pop(name) for name in _names(context)}
        context.params["changed"] = {name: value for name, value in given.items() if value is not None}
        return super().invoke(context)


def _names(context: click.Context) -> list[str]:
    if _NAMES not in context.meta:
        context.meta[_NAMES] = _changeable()
    names: list[str] = context.meta[_NAMES]
    return names


def _changeable() -> list[str]:
    from vistry.hyperparameter.tables import shared_fields
    from vistry.registry.catalogue import Catalogue

    shared = {name: spec for name, (_, spec) in shared_fields().items()}
    for card in Catalogue.read().cards:
        shared |= card.hyperparameters
    return [name for name, spec in shared.items() if spec.at_prediction]
