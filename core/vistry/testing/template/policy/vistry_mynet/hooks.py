"""The policy of mynet."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from vistry.plugin import hookimpl

Defaults = dict[str, Any]


@hookimpl(wrapper=True)
def vistry_default_hyperparameters() -> Generator[None, Defaults, Defaults]:
    """Wait at most ten epochs for an improvement, whatever the model."""
    defaults = yield
    return {**defaults, "early_stopping_patience": 10}
