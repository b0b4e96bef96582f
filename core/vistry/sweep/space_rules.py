"""Rules between hyperparameters in a space: a draw that must break one is told before any work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from vistry.errors import Problem
from vistry.hyperparameter.rules import RULES, Rule
from vistry.hyperparameter.schema import Schema
from vistry.hyperparameter.values import Hyperparameters, format_value
from vistry.sweep.distribution import Distribution

MOST_COMBINATIONS = 1000


def broken_rules(
    schema: Schema, constants: Hyperparameters, parameters: Mapping[str, Distribution]
) -> Iterator[Problem]:
    """What is wrong with a space in which the other hyperparameters have these values.

    Where one hyperparameter is drawn, each of its values, or both ends of its range, must obey a rule; where several
    are, some combination of them.
    """
    drawn = {name: one for name, one in parameters.items() if len(one.choices) != 1 and not one.is_relative}
    for rule in RULES:
        names = [name for name in rule.fields if name in drawn]
        if not names or not all(name in constants for name in rule.fields):
            continue
        tried = list(_tried(rule, schema, constants, drawn={name: drawn[name] for name in names}))
        problems = [problem for problem in tried if problem]
        if problems and (len(names) == 1 or len(problems) == len(tried)):
            yield problems[0]


def _tried(
    rule: Rule, schema: Schema, constants: Hyperparameters, *, drawn: Mapping[str, Distribution]
) -> Iterator[Problem | None]:
    """For each combination of the ends of what is drawn: the error of a rule, if it is broken."""
    combinations = product(*(one.ends() for one in drawn.values()))
    for _, combination in zip(range(MOST_COMBINATIONS), combinations, strict=False):
        values = dict(zip(drawn, combination, strict=True))
        parsed = {name: schema.fields[name].spec.parse(value) for name, value in values.items()}
        problem = rule.check(constants.changed(parsed))
        if problem is None or problem.severity != "error":
            yield None
        else:
            setting = " and ".join(f"{name} = {format_value(value)}" for name, value in parsed.items())
            yield Problem(problem.field, f"with {setting}, which may be drawn, it {problem.message}", problem.remedy)
