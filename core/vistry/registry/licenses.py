"""Licences as SPDX expressions: what a work of two parts is under, and which licences an expression names."""

from __future__ import annotations

import re


def license_of_both(first: str, second: str) -> str:
    """The licence of a work that consists of two: `Apache-2.0 AND GPL-3.0-only`, or the one that both have."""
    return " AND ".join(dict.fromkeys([*_terms(first), *_terms(second)]))


def licenses_in(expression: str) -> set[str]:
    """The whole expression and each licence in it, in lower case."""
    names = re.split(r"\s+(?:AND|OR)\s+|[()]", expression, flags=re.IGNORECASE)
    return {expression.casefold(), *(name.strip().casefold() for name in names)} - {""}


def _terms(expression: str) -> list[str]:
    """What AND joins. An expression with a choice is one term, in parentheses, since AND binds more strongly."""
    if re.search(r"\sOR\s|[()]", expression, re.IGNORECASE):
        return [expression if re.fullmatch(r"\([^()]*\)", expression) else f"({expression})"]
    return re.split(r"\s+AND\s+", expression, flags=re.IGNORECASE)
