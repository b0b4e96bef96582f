"""Numbers, words and folders of a job file, each refused with its rule where it is none."""

from __future__ import annotations

import math
from contextlib import suppress

from vistry.sweep.job_files.document import Node, Remarks, shown


def number(node: Node | None, remarks: Remarks, rule: str = "a number") -> float | None:
    """A finite number, also one in quotes; None where there is no node, or where it is refused."""
    if node is None:
        return None
    value = node.value
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value) if value.strip().isascii() and "_" not in value else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        remarks.refuse(node, f"must be {rule}, got {shown(node.value)}")
        return None
    return float(value)


def whole(node: Node | None, remarks: Remarks, low: int, high: int | None = None) -> int | None:
    """A whole number from `low` to `high`; None where there is no node, or where it is refused."""
    if node is None:
        return None
    rule = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    value = number(node, remarks, rule)
    if value is None:
        return None
    if value != int(value) or value < low or (high is not None and value > high):
        remarks.refuse(node, f"must be {rule}, got {shown(node.value)}")
        return None
    return int(value)


def word(node: Node, remarks: Remarks) -> str | None:
    """A text that isn't empty; None where it is refused."""
    if isinstance(node.value, str) and node.value.strip():
        return node.value
    remarks.refuse(node, f"must be text, got {shown(node.value)}")
    return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
