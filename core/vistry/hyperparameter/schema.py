"""The schema of one model and task: which hyperparameters there are, their ranges and their defaults.

Built from the task's shared table, what the plugin adds, narrows and excludes, and the defaults in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema, create_model

from vistry.errors import HyperparameterError, Problem, RegistryError, suggestion
from vistry.hyperparameter.tables import shared_fields
from vistry.hyperparameter.values import parse, rule, shown
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import FieldSpec, Restriction, Scalar
from vistry.registry.task_names import task_named
from vistry.registry.toml_lines import line_of


@dataclass(frozen=True)
class Field:
    """A hyperparameter of one model and task, with its default and where that default was set."""

    name: str
    spec: FieldSpec
    default: Scalar | None
    origin: str
    reason: str = ""

    @property
    def rule(self) -> str:
        """The range in words, with the family's reason where it narrowed it."""
        return rule(self.spec) + (f" ({self.reason})" if self.reason else "")

    def to_dict(self) -> dict[str, object]:
        """The field as plain JSON values."""
        return {
            "name": self.name,
            "type": self.spec.type,
            "rule": self.rule,
            "minimum": self.spec.minimum,
            "maximum": self.spec.maximum,
            "exclusive_maximum": self.spec.below,
            "choices": list(self.spec.choices) if self.spec.choices else None,
            "log_scale": self.spec.log_scale,
            "default": self.default,
            "origin": self.origin,
            "description": self.spec.description,
        }


@dataclass(frozen=True)
class Setting:
    """A resolved value: where it was set, and whether the user set it."""

    name: str
    value: Scalar | None
    origin: str
    given: bool


class Hyperparameters(Mapping[str, Any]):
    """Resolved values by name. `settings` says where each came from, `warnings` what to think about."""

    def __init__(self, settings: Iterable[Setting], warnings: Iterable[Problem] = ()):
        self.settings = {setting.name: setting for setting in settings}
        self.warnings = tuple(warnings)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name].value

    def __iter__(self) -> Any:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def given(self, name: str) -> bool:
        """Whether the user set this value, in a flag, a file or a call."""
        return name in self.settings and self.settings[name].given

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Values with origins as plain JSON values."""
        return {
            name: {"value": setting.value, "origin": setting.origin, "given": setting.given}
            for name, setting in self.settings.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, Any]]) -> Hyperparameters:
        """The inverse of `to_dict`."""
        return cls(Setting(name, item["value"], item["origin"], item["given"]) for name, item in data.items())


@dataclass(frozen=True)
class Source:
    """Values the user gave in one place; `where` names the place of one of them."""

    values: Mapping[str, Any]
    where: Callable[[str], str]

    @classmethod
    def of(cls, values: Mapping[str, Any], origin: str) -> Source:
        """Values that all come from one origin, such as the command line."""
        return cls(values, lambda name: origin)


@dataclass(frozen=True)
class Schema:
    """The hyperparameters of a model (or, with no model, of a task's shared table)."""

    task: str
    card: ModelCard | None
    fields: Mapping[str, Field]
    model: type[BaseModel]
    elsewhere: Mapping[str, str]

    def defaults(self) -> dict[str, Scalar | None]:
        """Each field's default."""
        return {name: field.default for name, field in self.fields.items()}

    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema."""
        return self.model.model_json_schema()

    def explain(self) -> list[Setting]:
        """Each default and where it was set, file and line."""
        return [Setting(name, field.default, field.origin, False) for name, field in self.fields.items()]

    def resolve(self, sources: Iterable[Source] = ()) -> Hyperparameters:
        """Defaults overridden by each source in turn, all checked at once. Raises HyperparameterError."""
        from vistry.hyperparameter.rules import cross_field_problems

        settings = {setting.name: setting for setting in self.explain()}
        problems: list[Problem] = []
        for source in sources:
            valid, found = self._validated(source)
            problems += found
            for name, value in valid.items():
                settings[name] = Setting(name, value, source.where(name), True)
        resolved = Hyperparameters(settings.values())
        if not problems:
            problems = cross_field_problems(resolved, self.fields)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise HyperparameterError(errors)
        return Hyperparameters(settings.values(), problems)

    def _validated(self, source: Source) -> tuple[dict[str, Any], list[Problem]]:
        values = dict(source.values)
        problems = []
        try:
            self.model.model_validate(values)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                name = str(item["loc"][0])
                given = values.pop(name, None)
                problems.append(self._problem(name, given, item["type"], source.where(name)))
        checked = self.model.model_validate(values).model_dump(include=set(values))
        return checked, problems

    def _problem(self, name: str, value: Any, kind: str, where: str) -> Problem:
        owner = self.card.name if self.card else self.task
        if kind != "extra_forbidden":
            return Problem(f"{name} = {shown_given(value)}", f"must be {self.fields[name].rule}", f"from {where}")
        if self.card and name in self.card.exclude:
            return Problem(name, f"{owner} doesn't take it: {self.card.exclude[name]}", f"leave it out ({where})")
        if name in self.elsewhere:
            return Problem(name, f"{owner} doesn't take it: it belongs to {self.elsewhere[name]}", f"from {where}")
        hint = suggestion(name, list(self.fields))
        return Problem(
            name, f"{owner} has no such hyperparameter", hint or f"type: vistry hyperparameters {owner}"
        )


def shown_given(value: Any) -> str:
    """A value as the user gave it, quoted where it is text."""
    return repr(value) if isinstance(value, str) else shown(value) if value is not None else "null"


def _narrowed(spec: FieldSpec, restriction: Restriction) -> FieldSpec:
    if restriction.choices is not None:
        return spec.model_copy(update={"type": "choice", "choices": restriction.choices})
    changes = {
        key: bound for key in ("minimum", "maximum") if (bound := getattr(restriction, key)) is not None
    }
    return spec.model_copy(update=changes)


def _with_line(path: Path, key: tuple[str, ...]) -> str:
    line = line_of(path.read_text(encoding="utf-8-sig"), key)
    return f"{path}:{line}" if line else str(path)


def _default(spec: FieldSpec, task: str) -> Scalar | None:
    value = spec.default_for.get(task, spec.default)
    return None if value is None else parse(value, spec)


def _shared(task: str) -> dict[str, Field]:
    fields = {}
    for name, (path, spec) in shared_fields().items():
        if task in spec.tasks:
            key = (name, "default_for", task) if task in spec.default_for else (name, "default")
            fields[name] = Field(name, spec, _default(spec, task), _with_line(path, key))
    return fields


def _of_model(card: ModelCard, task: str) -> dict[str, Field]:
    fields = {name: field for name, field in _shared(task).items() if name not in card.exclude}
    for name, spec in card.hyperparameters.items():
        if task in spec.tasks:
            origin = _with_line(card.manifest_path, ("hyperparameters", name, "default"))
            fields[name] = Field(name, spec, _default(spec, task), origin)
    for name, restriction in card.restrict.items():
        if name in fields:
            spec = _narrowed(fields[name].spec, restriction)
            fields[name] = replace(fields[name], spec=spec, reason=restriction.reason)
    return fields


def _with_defaults(
    fields: dict[str, Field], card: ModelCard, task: str, catalogue: Catalogue
) -> dict[str, Field]:
    """Lay the manifest's defaults, then those of hooks, then policy's over the shared ones."""
    where_set = {
        name: _with_line(card.manifest_path, key) for name, (_, key) in card.manifest_defaults(task).items()
    }
    stated = {name: value for name, (value, _) in card.manifest_defaults(task).items()}
    computing = _computing_plugins(card, catalogue)
    computed = _asked(card, task, catalogue) if computing else stated
    for name, value in computed.items():
        hook = f"vistry_default_hyperparameters of {' and '.join(computing)}"
        origin = where_set[name] if stated.get(name) == value else hook
        fields = _override(fields, name, value, origin, card)
    names = (card.name, card.full_name)
    for override in catalogue.policy.overrides(task, names):
        if override.field != "model_name" and override.field in fields:
            fields = _override(fields, override.field, override.value, override.origin, card)
    return fields


def _computing_plugins(card: ModelCard, catalogue: Catalogue) -> list[str]:
    """The plugins whose hooks have a say in the defaults: only for these does a query run code."""
    found = []
    for plugin in catalogue.plugins:
        manifest = plugin.manifest
        if manifest is None or plugin.state not in ("ok", "conflict"):
            continue
        owns = (plugin.name, plugin.distribution) == (card.family, card.distribution)
        if "vistry_default_hyperparameters" in manifest.wraps or (owns and manifest.computes_defaults):
            found.append(plugin.name)
    return found


def _asked(card: ModelCard, task: str, catalogue: Catalogue) -> Mapping[str, Scalar]:
    from vistry.hook_calls import hooks_of

    found: Mapping[str, Scalar] = hooks_of(catalogue, card).vistry_default_hyperparameters(card=card, task=task)
    return found


def _override(
    fields: dict[str, Field], name: str, value: Scalar, origin: str, card: ModelCard
) -> dict[str, Field]:
    if name not in fields:
        hint = suggestion(name, list(fields))
        raise RegistryError(f"{origin}: {card.full_name} has no hyperparameter '{name}'; {hint}".rstrip("; "))
    try:
        parsed = parse(value, fields[name].spec)
    except ValueError as error:
        raise RegistryError(f"{origin}: {name} = {shown_given(value)} {error} for {card.full_name}") from None
    return {**fields, name: replace(fields[name], default=parsed, origin=origin)}


def _pydantic_field(field: Field) -> tuple[Any, Any]:
    python_type = {"integer": int, "number": float, "flag": bool, "string": str}.get(field.spec.type, Any)
    schema = _json_schema(field)
    validator = BeforeValidator(partial(parse, spec=field.spec))
    return Annotated[python_type | None, validator, WithJsonSchema(schema)], field.default


def _json_schema(field: Field) -> dict[str, Any]:
    spec = field.spec
    kinds = {"integer": "integer", "number": "number", "flag": "boolean", "string": "string"}
    bounds = {
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "exclusiveMaximum": spec.below,
        "exclusiveMinimum": spec.above,
        "pattern": spec.pattern,
        "enum": list(spec.choices) if spec.choices else None,
        "description": spec.description,
    }
    schema: dict[str, Any] = {key: value for key, value in bounds.items() if value is not None}
    if spec.type in kinds:
        schema["type"] = kinds[spec.type] if field.default is not None else [kinds[spec.type], "null"]
    return schema


def _owners_elsewhere(catalogue: Catalogue, task: str, fields: Mapping[str, Field]) -> dict[str, str]:
    """Names that other tasks or families own, for an error that says so."""
    found = {name: ", ".join(spec.tasks) for name, (_, spec) in shared_fields().items()}
    for card in catalogue.cards:
        for name in card.hyperparameters:
            found[name] = card.family
    return {name: owner for name, owner in found.items() if name not in fields}


def schema_of(catalogue: Catalogue, card: ModelCard | None, task: str) -> Schema:
    """The schema of a model for a task, or of the task's shared table. Raises RegistryError."""
    task = task_named(task).name
    if card is None:
        fields = _shared(task)
    elif task not in card.tasks:
        raise RegistryError(f"{card.name} doesn't do {task}; it does {', '.join(card.tasks)}")
    else:
        fields = _with_defaults(_of_model(card, task), card, task, catalogue)
    definitions: dict[str, Any] = {name: _pydantic_field(field) for name, field in fields.items()}
    title = f"{card.name if card else 'shared'}_{task}"
    model = create_model(title, __config__=ConfigDict(extra="forbid"), **definitions)
    return Schema(task, card, fields, model, _owners_elsewhere(catalogue, task, fields))
