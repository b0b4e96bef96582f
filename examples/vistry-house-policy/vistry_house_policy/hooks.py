"""Half of everyone's learning rate and at most 50 epochs; who asks for more epochs is refused."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from vistry.plugin import Problem, Values, hookimpl

MOST_EPOCHS = 50


@hookimpl(wrapper=True)
def vistry_default_hyperparameters() -> Generator[None, dict[str, Any], dict[str, Any]]:
    """Change two of the defaults, whatever the model and the task; what a user sets is never changed."""
    defaults = yield
    rate, epochs = defaults["learning_rate"], defaults["number_of_epochs"]
    return {**defaults, "learning_rate": rate / 2, "number_of_epochs": min(epochs, MOST_EPOCHS)}


@hookimpl(wrapper=True)
def vistry_check_hyperparameters(hyperparameters: Values) -> Generator[None, list[Problem], list[Problem]]:
    """Refuse a training of more epochs, beside what others refuse."""
    problems = yield
    epochs = hyperparameters["number_of_epochs"]
    if epochs > MOST_EPOCHS:
        message = f"{epochs} is more than the {MOST_EPOCHS} of a training here"
        problems.append(Problem("number_of_epochs", message, f"use at most {MOST_EPOCHS}"))
    return problems
