"""The space of a sweep: what was asked for, checked against the schema of every model, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vistry.errors import HyperparameterError, Problem, RegistryError, VistryError
from vistry.evaluation.metric_table import METRICS, metric_parts
from vistry.hyperparameter.schema import Schema, Source, schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import to_json
from vistry.sweep.checked_distribution import checked_distribution
from vistry.sweep.default_space import default_parameters, rates_of
from vistry.sweep.distribution import Distribution
from vistry.sweep.request import GroupRequest, SweepRequest
from vistry.sweep.space import Group, ModelDefaults, Score, Space
from vistry.sweep.space_rules import broken_rules
from vistry.training.plan import primary_metric_of

MODEL = "model_name"  # names the model in files, and is no hyperparameter


def space_of(request: SweepRequest, catalogue: Catalogue, task: str) -> Space:
    """The space of a sweep for a task, by its full name: its groups, of which each value has been checked.

    A group for which no hyperparameter is named is searched where its models are worth searching, but for a grid. What
    some models of a sweep lack is left out for them, and is a problem where all do. The values that all trials have are
    constants of each group.

    Raises HyperparameterError with every problem, RegistryError where the task has no default model.
    """
    building = _Building(request, catalogue, task=task)
    groups = building.groups()
    score = building.score()
    if building.problems:
        unique = {str(problem): problem for problem in building.problems}
        raise HyperparameterError(list(unique.values()), "sweep")
    return Space(groups=groups, defaults=building.defaults, score=score)


def score_of(request: SweepRequest, catalogue: Catalogue, task: str) -> Score:
    """How the primary metric of a request becomes a score. Raises VistryError for one that the task hasn't."""
    name = primary_metric_of(task, request.training.primary_metric, catalogue)
    metric = METRICS[name] if name in METRICS else metric_parts(catalogue, task).parts[name].spec
    falls = not metric.larger_is_better
    limit = -metric.lower if falls else metric.upper
    return Score(metric=name, is_negated=falls, limit=limit if abs(limit) < float("inf") else None)


@dataclass
class _Building:
    """A space in the making, and what is wrong with it."""

    request: SweepRequest
    catalogue: Catalogue
    task: str
    problems: list[Problem] = field(default_factory=list)
    defaults: dict[str, ModelDefaults] = field(default_factory=dict)
    unknown: set[tuple[str, str]] = field(default_factory=set)

    def groups(self) -> tuple[Group, ...]:
        """The groups of models that are searched alike."""
        requested = self.request.groups or (GroupRequest(),)
        schemas = [self._schemas(group) for group in requested]
        fixed = self._fixed([schema for of_group in schemas for schema in of_group])
        members: list[tuple[dict[str, Distribution], list[str]]] = []
        for group, of_group in zip(requested, schemas, strict=True):
            self._check_names(group, of_group)
            for schema in of_group:
                parameters = self._parameters(group, schema, fixed)
                # Models that are searched alike are one group, which people can read.
                same = next((models for other, models in members if other == parameters), None)
                if same is None:
                    members.append((parameters, same := []))
                if (name := _full_name(schema)) not in same:
                    same.append(name)
        return tuple(Group(models=tuple(models), parameters=parameters) for parameters, models in members)

    def score(self) -> Score:
        """How the primary metric becomes a score."""
        try:
            return score_of(self.request, self.catalogue, self.task)
        except VistryError as error:
            self.problems.append(Problem("primary_metric", str(error)))
            return Score()

    def _schemas(self, group: GroupRequest) -> list[Schema]:
        """The schema of each model of a group."""
        named = group.models or ((self.request.training.model,) if self.request.training.model else ())
        named = named or tuple(str(one.values[MODEL]) for one in self.request.fixed if MODEL in one.values)[-1:]
        if not named:
            card = self.catalogue.default_model(self.task)
            if card is None:
                models = ", ".join(card.name for card in self.catalogue.models(task=self.task))
                message = f"{self.task} has no default model; choose one or more with --model: "
                raise RegistryError(message + (models or "none is installed"))
            return [schema_of(self.catalogue, card, self.task)]
        schemas = []
        for name in dict.fromkeys(named):
            try:
                schemas.append(schema_of(self.catalogue, self.catalogue.model(name), self.task))
            except RegistryError as error:
                self.problems.append(Problem("model", str(error)))
        return schemas

    def _fixed(self, schemas: Sequence[Schema]) -> dict[str, Source]:
        """The values that all trials have, each as a source of its own; the last one of a name wins."""
        fixed = {
            str(name): Source.of({str(name): value}, source.where(str(name)))
            for source in self.request.fixed
            for name, value in source.values.items()
            if name != MODEL
        }
        for name, source in fixed.items():
            if schemas and not any(name in schema.fields for schema in schemas):
                self._check(schemas[0], source)
        return fixed

    def _check_names(self, group: GroupRequest, schemas: Sequence[Schema]) -> None:
        """Every hyperparameter of a group is one of some model's."""
        for name in group.parameters:
            where = where_in(group, name)
            is_new = (name, where) not in self.unknown
            if schemas and is_new and not any(name in schema.fields for schema in schemas):
                self.unknown.add((name, where))
                self._check(schemas[0], Source.of({name: None}, where))

    def _parameters(self, group: GroupRequest, schema: Schema, fixed: Mapping[str, Source]) -> dict[str, Distribution]:
        """What is drawn for one model, its constants among it."""
        own = [source for name, source in fixed.items() if name in schema.fields]
        valid = [source for source in own if self._check(schema, source)]
        parameters = {}
        for name, one in group.parameters.items():
            if name not in schema.fields:
                continue
            where = where_in(group, name)
            if name in fixed:
                message = f"is set by {fixed[name].where(name)} and searched by {where}"
                self.problems.append(Problem(name, message, "leave out one of the two"))
            checked, problems = checked_distribution(one, schema, name, where=where)
            self.problems += problems
            if checked is not None:
                parameters[name] = checked
        resolved = self._resolved(schema, valid, parameters)
        if resolved is None:
            return parameters
        self._note_defaults(schema, resolved)
        self.problems += broken_rules(schema, resolved, parameters)
        if not group.parameters and self.request.sampler.name != "grid":
            parameters = default_parameters(schema, resolved)
        names = [name for source in valid for name in source.values]
        constants = {name: Distribution(kind="choice", choices=(to_json(resolved[name]),)) for name in names}
        return {**parameters, **constants}

    def _resolved(
        self, schema: Schema, fixed: Iterable[Source], parameters: Mapping[str, Distribution]
    ) -> Hyperparameters | None:
        """A model's values where nothing is drawn; None where a rule between them is broken."""
        constants = {name: one.choices[0] for name, one in parameters.items() if len(one.choices) == 1}
        try:
            return schema.resolve([*fixed, Source.of(constants, "the space")])
        except HyperparameterError as error:
            self.problems += error.problems
            return None

    def _note_defaults(self, schema: Schema, resolved: Hyperparameters) -> None:
        values = {name: to_json(value) for name, value in resolved.items()}
        self.defaults.setdefault(_full_name(schema), ModelDefaults(values=values, rates=rates_of(schema)))

    def _check(self, schema: Schema, source: Source) -> bool:
        """Whether values are a model's own and in range; each one that isn't is a problem."""
        try:
            schema.checked(source)
        except HyperparameterError as error:
            self.problems += error.problems
            return False
        return True


def where_in(group: GroupRequest, name: str) -> str:
    """Where a group was told what to draw a hyperparameter from."""
    return group.where.get(name, "the space")


def _full_name(schema: Schema) -> str:
    return schema.card.full_name if schema.card else ""
