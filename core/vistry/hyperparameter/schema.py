"""The schema of one model and task: which hyperparameters there are, their ranges and their defaults.

Built from the task's shared table, what the plugin adds, narrows and excludes, and the defaults in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema, create_model

from vistry.errors import HyperparameterError, Problem, RegistryError, suggestion
from vistry.hyperparameter.aliases import meant
from vistry.hyperparameter.fields import Field, model_fields, shared_with_policy, where_else
from vistry.hyperparameter.offer import Offer
from vistry.hyperparameter.rules import cross_field_problems
from vistry.hyperparameter.values import Hyperparameters, Setting, format_as_typed
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import Value, to_json
from vistry.registry.tasks import TASKS, task_named


@dataclass(frozen=True)
class Source:
    """Values the user gave in one place; `where` names the place of one of them."""

    values: Mapping[str, object]
    where: Callable[[str], str]

    @classmethod
    def of(cls, values: Mapping[str, object], origin: str) -> Source:
        """Values that all come from one origin, such as the command line."""
        return cls(values, lambda _: origin)


@dataclass(frozen=True)
class Schema:
    """The hyperparameters of a model (or, with no model, of a task's shared table)."""

    task: str
    card: ModelCard | None
    fields: Mapping[str, Field]
    offer: Offer
    _catalogue: Catalogue = field(repr=False)

    # The next two are made when values are checked: a query of many models asks for neither.

    @cached_property
    def model(self) -> type[BaseModel]:
        """The class that checks the values."""
        definitions: dict[str, Any] = {name: _pydantic_field(field) for name, field in self.fields.items()}
        config = ConfigDict(extra="forbid", protected_namespaces=())
        name = f"{self.card.name if self.card else 'shared'}_{self.task}"
        return create_model(name, __config__=config, **definitions)

    @cached_property
    def elsewhere(self) -> Mapping[str, str]:
        """Of each name that is none of these fields, the tasks or the families that own it."""
        return where_else(self._catalogue, self.fields)

    @property
    def owner(self) -> str:
        """Whose hyperparameters these are, as a person names it: the model, or the task."""
        return self.card.name if self.card else self.task

    def defaults(self) -> dict[str, Value | None]:
        """Each field's default."""
        return {name: field.default for name, field in self.fields.items()}

    def json_schema(self) -> dict[str, Any]:
        """The values as a JSON Schema (draft 2020-12)."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **self.model.model_json_schema()}

    def explain(self) -> list[Setting]:
        """Each default and where it was set, file and line."""
        return [Setting(name, field.default, field.origin, given=False) for name, field in self.fields.items()]

    def resolve(self, sources: Iterable[Source] = ()) -> Hyperparameters:
        """Defaults overridden by each source in turn, all checked at once. Raises HyperparameterError."""
        settings = {setting.name: setting for setting in self.explain()}
        problems: list[Problem] = []
        for source in sources:
            valid, invalid = self._validated(source)
            problems += invalid
            settings |= {name: Setting(name, value, source.where(name), given=True) for name, value in valid.items()}
        out_of_range = {problem.field for problem in problems}
        problems += cross_field_problems(Hyperparameters(settings.values()), out_of_range, self.offer)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise HyperparameterError(errors)
        return Hyperparameters(settings.values(), problems)

    def checked(self, source: Source) -> dict[str, Value | None]:
        """One source's values, parsed, each in its own range. Raises HyperparameterError."""
        valid, problems = self._validated(source)
        if problems:
            raise HyperparameterError(problems)
        return valid

    def _validated(self, source: Source) -> tuple[dict[str, Value | None], list[Problem]]:
        """The source's good values, parsed, and what is wrong with the others."""
        values = {str(name): value for name, value in source.values.items()}
        problems = []
        try:
            self.model.model_validate(values)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                name = str(item["loc"][0])
                problems.append(self._problem(name, values.pop(name), source.where(name)))
        valid = dict(self.model.model_validate(values))  # model_dump would turn a grid into a dictionary
        return {name: valid[name] for name in values}, problems

    def _problem(self, name: str, value: object, where: str) -> Problem:
        if name in self.fields:
            return _out_of_range(self.fields[name], value, where)
        if self.card and name in self.card.exclude:
            return Problem(name, f"from {where}: {self.owner} doesn't take it", self.card.exclude[name])
        if name in self.elsewhere:
            return Problem(name, f"from {where}: {self.owner} doesn't take it", f"it is for {self.elsewhere[name]}")
        remedy = meant(name, self.fields) or f"for their list type: {self._listing()}"
        return Problem(name, f"from {where}: {self.owner} has no such hyperparameter", remedy)

    def _listing(self) -> str:
        alias = next(task.alias for task in TASKS if task.name == self.task)
        return " ".join(["vistry hyperparameters", *([self.card.name] if self.card else []), f"--task {alias}"])


def schema_of(catalogue: Catalogue, card: ModelCard | None, task: str) -> Schema:
    """The schema of a model for a task, or of the task's shared table. Raises RegistryError."""
    task = task_named(task).name
    if card is not None and task not in card.tasks:
        raise RegistryError(f"{card.name} doesn't do {task}; it does {', '.join(card.tasks)}")
    fields = model_fields(catalogue, card, task) if card else shared_with_policy(catalogue, task)
    offer = Offer.of(catalogue, card.hyperparameters if card else ())
    return Schema(task, card, fields=fields, offer=offer, _catalogue=catalogue)


def _out_of_range(field: Field, value: object, where: str) -> Problem:
    choices = [choice for choice in field.spec.choices or () if isinstance(choice, str)]
    near = suggestion(value, choices) if isinstance(value, str) else ""
    remedy = field.absent.get(str(value)) or (near if near.startswith("did you mean") else "")
    return Problem(field.name, f"{format_as_typed(value)}, from {where}, must be {field.rule}", remedy)


def _pydantic_field(field: Field) -> tuple[Any, Any]:
    annotation = Annotated[Any, BeforeValidator(field.spec.parse), WithJsonSchema(field.json_schema())]
    return annotation, to_json(field.default)
