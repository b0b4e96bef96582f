"""Early termination: which trials are ended or paused before their last epoch. Each way stands in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from vistry.errors import HyperparameterError, Problem, suggestion
from vistry.sweep.early_termination.halving import Halving
from vistry.sweep.early_termination.never import Never
from vistry.sweep.early_termination.policies import Bandit, MedianStopping, TruncationSelection
from vistry.sweep.protocols import Termination
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Space

Maker: TypeAlias = Callable[[TerminationRequest, Space], Termination]

TERMINATIONS: Mapping[str, Maker] = {
    "halving": Halving.of,
    "none": Never.of,
    "bandit": Bandit.of,
    "median_stopping": MedianStopping.of,
    "truncation_selection": TruncationSelection.of,
}
_OWN_KEYS = {"bandit": ("slack_factor", "slack_amount"), "truncation_selection": ("truncation_percentage",)}
_POLICIES = ("bandit", "median_stopping", "truncation_selection")


def termination_of(request: TerminationRequest, space: Space) -> Termination:
    """The early termination that a request names. Raises HyperparameterError with every problem of it."""
    problems = list(termination_problems(request))
    if problems:
        raise HyperparameterError(problems, "early termination")
    return TERMINATIONS[request.name](request, space)


def termination_problems(request: TerminationRequest) -> Iterator[Problem]:
    """What is wrong with a request; the field of each problem is its key."""
    if request.name not in TERMINATIONS:
        hint = suggestion(request.name, list(TERMINATIONS))
        yield Problem("type", f"there is no early termination '{request.name}'", hint)
        return
    for key in ("evaluation_interval", "delay_evaluation"):
        value = getattr(request, key)
        if value < 0:
            yield Problem(key, f"{value} must be an integer of at least 0")
        elif request.name not in _POLICIES and value != getattr(TerminationRequest, key):
            yield Problem(key, f"has no meaning for {request.name}", f"it is for {', '.join(_POLICIES)}")
    yield from _strange_keys(request)
    if request.name == "bandit":
        yield from _slack_problems(request)
    if request.name == "truncation_selection":
        percentage = request.truncation_percentage
        if percentage is None or percentage != int(percentage) or not 1 <= percentage <= 99:
            message = "is missing" if percentage is None else f"{percentage:g} isn't possible"
            yield Problem("truncation_percentage", message, "it must be an integer in [1, 99]")


def _strange_keys(request: TerminationRequest) -> Iterator[Problem]:
    for name, keys in _OWN_KEYS.items():
        for key in keys:
            if name != request.name and getattr(request, key) is not None:
                yield Problem(key, f"has no meaning for {request.name}", f"it is for {name}")


def _slack_problems(request: TerminationRequest) -> Iterator[Problem]:
    factor, amount = request.slack_factor, request.slack_amount
    if (factor is None) == (amount is None):
        message = "bandit takes one of slack_factor and slack_amount, and has "
        yield Problem("slack_factor", message + ("neither" if factor is None else "both"), "give one, such as 0.2")
    for key, value in (("slack_factor", factor), ("slack_amount", amount)):
        if value is not None and not 0 <= value < float("inf"):
            yield Problem(key, f"{value:g} must be a number of at least 0")
