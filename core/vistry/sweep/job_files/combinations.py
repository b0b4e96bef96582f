"""Rules between hyperparameters, held against what is drawn: before the first trial, and not at the seventh."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import format_value
from vistry.registry.cards import ModelCard
from vistry.registry.field_spec import Scalar
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.distributions import values_of
from vistry.sweep.job_files.document import Node, Remarks
from vistry.sweep.job_files.fitting import Drawn
from vistry.sweep.job_files.fixed import FixedValues
from vistry.sweep.job_files.models import JobModels
from vistry.training.model_context import ModelContext

MOST_SIZES = 64  # combinations of sizes that are all tried
TRIED = 100  # others, drawn among all

Values = dict[str, Scalar | None]


@dataclass(frozen=True)
class Broken:
    """Values of a draw, and the rules that they break."""

    values: Values
    problems: Sequence[Problem]


@dataclass(frozen=True)
class Rules:
    """The rules of every model of a job, with the values that all trials have."""

    models: JobModels
    fixed: FixedValues
    remarks: Remarks
    _contexts: dict[str, ModelContext] = field(default_factory=dict, repr=False)

    def possible(self, drawn: Drawn, card: ModelCard, place: Node, nodes: Mapping[str, Node]) -> list[Drawn]:
        """The same, without sizes that don't go together: then in several parts, each with its own.

        What breaks a rule in every draw that is tried is refused; what does in some, is said. `nodes` are the values in
        the file by name, and `place` the sub-space.
        """
        everywhere = {**self.fixed.nodes, **nodes}
        parts = self._fitting_sizes(drawn, card)
        if not parts:
            for problem in self.problems(next(_combinations(drawn)), card):
                self._refuse(problem, card, place, nodes=everywhere)
            return []
        tried = [values for part in parts for values in _sample(part)]
        broken = [Broken(values, problems) for values in tried if (problems := self.problems(values, card))]
        if len(broken) == len(tried):
            for problem in broken[0].problems if broken else ():
                self._refuse(problem, card, place, nodes=everywhere)
        elif broken and not self._refuse_values(tried, broken, everywhere):
            self._say(broken[0], card, place)
        if len(parts) > 1:
            self.remarks.say(place, f"sizes of {card.name} that don't go together are left out")
        return parts

    def problems(self, values: Mapping[str, Scalar | None], card: ModelCard) -> Sequence[Problem]:
        """The rules that a training with these values would break."""
        if card.full_name not in self._contexts:
            made = ModelContext.of(self.models.catalogue, card, task=self.models.task, backend="torch")
            self._contexts[card.full_name] = made
        context = self._contexts[card.full_name]
        given = {name: value for name, value in {**self.fixed.values, **values}.items() if value is not None}
        try:
            context.resolved([Source(given, lambda name: name)])
        except HyperparameterError as error:
            return error.problems
        return ()

    def _fitting_sizes(self, drawn: Drawn, card: ModelCard) -> list[Drawn]:
        """Parts of which every combination of sizes keeps the rules between them; none where no combination does."""
        sizes = {name: values_of(one) for name, one in drawn.items() if self._is_size(name, card)}
        listed = {name: values for name, values in sizes.items() if values is not None}
        if len(listed) < 2 or math.prod(map(len, listed.values())) > MOST_SIZES:
            return [drawn]
        others = next(_combinations({name: one for name, one in drawn.items() if name not in listed}))
        combinations = [dict(zip(listed, values, strict=True)) for values in product(*listed.values())]
        fitting = [sizes for sizes in combinations if not self._breaks({**others, **sizes}, card, listed)]
        if len(fitting) == len(combinations):
            return [drawn]
        return [
            {**drawn, **{name: Distribution(kind="choice", choices=(value,)) for name, value in sizes.items()}}
            for sizes in fitting
        ]

    def _breaks(self, values: Values, card: ModelCard, sizes: Mapping[str, object]) -> bool:
        return any(problem.field in sizes for problem in self.problems(values, card))

    def _is_size(self, name: str, card: ModelCard) -> bool:
        shared = self.models.spec(name, [card])
        return shared is not None and shared.unit == "pixels"

    def _refuse_values(self, tried: Sequence[Values], broken: Sequence[Broken], nodes: Mapping[str, Node]) -> bool:
        """Refuse each value that breaks a rule whatever else is drawn, and tell whether there is one."""
        never = [
            (name, value, one)
            for name, value in dict.fromkeys(item for values in tried for item in values.items())
            if (one := next((one for one in broken if one.values[name] == value), None))
            and sum(values[name] == value for values in tried) == sum(one.values[name] == value for one in broken)
        ]
        for name, value, one in never:
            if name in nodes:
                problem = one.problems[0]
                about = problem.message if problem.field == name else f"{problem.field} {problem.message}"
                self.remarks.refuse(nodes[name], f"with {format_value(value)} it fails: {about}", problem.remedy)
        return bool(never)

    def _refuse(self, problem: Problem, card: ModelCard, place: Node, nodes: Mapping[str, Node]) -> None:
        node = nodes.get(problem.field, place)
        name = "" if problem.field in nodes else f"{problem.field} of {card.name} "
        plugin = f", says the plugin '{problem.plugin}'" if problem.plugin else ""
        self.remarks.refuse(node, f"{name}{problem.message}{plugin}", problem.remedy)

    def _say(self, broken: Broken, card: ModelCard, place: Node) -> None:
        shown = ", ".join(f"{name} = {format_value(value)}" for name, value in broken.values.items())
        self.remarks.say(
            place, f"a trial of {card.name} with {shown} breaks a rule, and is skipped: {broken.problems[0]}"
        )


def _sample(drawn: Drawn) -> Iterator[Values]:
    """Some combinations of the values, or of the ends where there are no single ones: all where they are few."""
    count = math.prod(len(one.ends()) for one in drawn.values())
    if count <= TRIED:
        yield from _combinations(drawn)
        return
    # Always the same ones: a file is refused today as it was yesterday.
    generator = random.Random(0)
    for _ in range(TRIED):
        yield {name: generator.choice(one.ends()) for name, one in drawn.items()}


def _combinations(drawn: Drawn) -> Iterator[Values]:
    for values in product(*(one.ends() for one in drawn.values())):
        yield dict(zip(drawn, values, strict=True))
