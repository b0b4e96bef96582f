"""Values of hyperparameters as people write and read them."""

from __future__ import annotations

from typing import Any

from vistry.registry.field_spec import Scalar


def shown(value: Scalar | None) -> str:
    """The value as a person writes it on the command line."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def format_as_typed(value: Any) -> str:
    """A value as the user gave it, quoted where it is text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else repr(value)
