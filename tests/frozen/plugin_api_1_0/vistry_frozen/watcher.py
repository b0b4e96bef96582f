"""Wrappers, which take part in the calls to other plugins."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from vistry.plugin import ModelCard, Problem, Values, hookimpl


@hookimpl(wrapper=True)
def vistry_check_hyperparameters(hyperparameters: Values) -> Generator[None, list[Problem], list[Problem]]:
    found = yield
    many = hyperparameters["number_of_epochs"] > 10
    return [*found, *([Problem("number_of_epochs", "is many", "take 3", severity="warning")] if many else [])]


@hookimpl(wrapper=True)
def vistry_default_hyperparameters(card: ModelCard) -> Generator[None, dict[str, Any], dict[str, Any]]:
    found = yield
    return {**found, "early_stopping_patience": len(card.name)}
