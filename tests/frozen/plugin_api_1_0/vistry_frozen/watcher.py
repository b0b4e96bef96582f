"""Wrappers, which take part in the calls to other plugins."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from vistry.errors import Problem
from vistry.plugin import hookimpl
from vistry.registry.cards import ModelCard


@hookimpl(wrapper=True)
def vistry_check_hyperparameters(hyperparameters: Mapping[str, Any]) -> Generator[None, list[Problem], list[Problem]]:
    found = yield
    many = hyperparameters["number_of_epochs"] > 10
    return [*found, *([Problem("number_of_epochs", "is many", "take 3", severity="warning")] if many else [])]


@hookimpl(wrapper=True)
def vistry_default_hyperparameters(card: ModelCard) -> Generator[None, dict[str, Any], dict[str, Any]]:
    found = yield
    return {**found, "early_stopping_patience": len(card.name)}
