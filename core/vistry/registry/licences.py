"""SPDX licence expressions: the licences they name, whether some are enough, and what a work of two parts is under."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

Accepts = Callable[[str], bool]


def licences_in(expression: str) -> tuple[str, ...]:
    """The licences that an expression names: of "Apache-2.0 AND (MIT OR 0BSD)" all three."""
    parts = re.split(r"[()]|(?:^|\s)(?:AND|OR)(?=\s|$)", expression)
    return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def licence_of_both(first: str, second: str) -> str:
    """The licence of a work that consists of two: `Apache-2.0 AND GPL-3.0-only`, or the one that both have."""
    return " AND ".join(dict.fromkeys([*_terms(first), *_terms(second)]))


def is_met(expression: str, accepts: Accepts) -> bool:
    """Whether who accepts these licences can use what is under the expression: with AND all, with OR one of them.

    A text that is no expression is met where it is accepted as a whole.
    """
    tokens = deque(re.findall(r"[()]|[^\s()]+", expression))
    met = _any_met(tokens, accepts)
    return accepts(expression) or (met and not tokens)


def _any_met(tokens: deque[str], accepts: Accepts) -> bool:
    met = _all_met(tokens, accepts)
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        met = _all_met(tokens, accepts) or met
    return met


def _all_met(tokens: deque[str], accepts: Accepts) -> bool:
    met = _one_met(tokens, accepts)
    while tokens and tokens[0] == "AND":
        tokens.popleft()
        met = _one_met(tokens, accepts) and met
    return met


def _one_met(tokens: deque[str], accepts: Accepts) -> bool:
    if tokens and tokens[0] == "(":
        tokens.popleft()
        met = _any_met(tokens, accepts)
        return bool(tokens) and tokens.popleft() == ")" and met
    words = []
    while tokens and tokens[0] not in ("AND", "OR", "(", ")"):
        words.append(tokens.popleft())
    return accepts(" ".join(words))


def _terms(expression: str) -> list[str]:
    """What AND joins. An expression with a choice is one term, in parentheses, since AND binds more strongly."""
    if re.search(r"\sOR\s|[()]", expression, re.IGNORECASE):
        return [expression if re.fullmatch(r"\([^()]*\)", expression) else f"({expression})"]
    return re.split(r"\s+AND\s+", expression, flags=re.IGNORECASE)
