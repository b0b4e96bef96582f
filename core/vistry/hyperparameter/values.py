"""Resolved hyperparameters, and their values as people write and read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vistry.errors import Problem
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.shared_values import SharedValues
from vistry.registry.field_spec import FieldSpec, Value, to_json


@dataclass(frozen=True)
class Setting:
    """A resolved value: where it was set, and whether the user set it."""

    name: str
    value: Value | None
    origin: str
    given: bool


class Hyperparameters(SharedValues):
    """Resolved values: those of the shared tables as attributes, all of them by name.

    `settings` has the origin of each, `warnings` the problems that aren't errors.
    """

    def __init__(self, settings: Iterable[Setting], warnings: Iterable[Problem] = ()):
        self.settings = {setting.name: setting for setting in settings}
        self.warnings = tuple(warnings)

    @classmethod
    def of(cls, values: Mapping[str, Any], origin: str = "the call") -> Hyperparameters:
        """Values that all come from one origin, in their fields' own types."""
        return cls(Setting(name, value, origin, given=False) for name, value in values.items())

    def __getitem__(self, name: str) -> Any:
        return self.settings[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def given(self, name: str) -> bool:
        """Whether the user set this value, in a flag, a file or a call."""
        return name in self.settings and self.settings[name].given

    def changed(self, values: Mapping[str, Any], origin: str = "the call") -> Hyperparameters:
        """A copy in which these values, in their fields' own types, replace others."""
        settings = [Setting(name, value, origin, given=self.given(name)) for name, value in values.items()]
        return Hyperparameters([*self.settings.values(), *settings], self.warnings)

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Values with origins as plain JSON values."""
        return {
            name: {"value": to_json(setting.value), "origin": setting.origin, "given": setting.given}
            for name, setting in self.settings.items()
        }

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Mapping[str, Any]], family_fields: Mapping[str, FieldSpec] | None = None
    ) -> Hyperparameters:
        """The inverse of `to_dict`; `family_fields` are those that the model's family adds to the shared tables."""
        specs = {name: shared.spec for name, shared in shared_fields().items()} | dict(family_fields or {})
        return cls(
            Setting(name, _from_json(item["value"], specs.get(name)), item["origin"], given=item["given"])
            for name, item in data.items()
        )


def _from_json(value: Any, spec: FieldSpec | None) -> Any:
    return value if spec is None else spec.from_json(value)


def format_value(value: Value | None) -> str:
    """The value as a person writes it on the command line."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def format_as_typed(value: object) -> str:
    """A value as the user gave it, quoted where it is text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else repr(value)
