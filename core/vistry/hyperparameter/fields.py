"""The fields of one model and task: the shared table, what the plugin changes, and the defaults in force.

A composed model has those of two families. What its own sets goes over what its backbone's sets, and both families'
restrictions hold; docs/reference/detectors.md has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from vistry.errors import RegistryError, suggestion
from vistry.hyperparameter.offer import Definition, Offer, fields_on_offer
from vistry.hyperparameter.values import format_as_typed
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import (
    FieldSpec,
    Number,
    Restriction,
    Scalar,
    Value,
    narrowed,
    narrowed_further,
    nearest,
    to_json,
)
from vistry.registry.policy import Override
from vistry.registry.toml_file import place
from vistry.registry.wrappers import wrapping_plugins

if TYPE_CHECKING:
    from vistry.plugin.implementation import Implementation

_HOOK = "vistry_default_hyperparameters"
_JSON_TYPES = {
    "integer": ["integer"],
    "number": ["number"],
    "flag": ["boolean", "integer"],
    "string": ["string"],
    "grid": ["string"],
}


class HyperparameterRecord(TypedDict):
    """A hyperparameter of a model for a task."""

    name: str
    type: Literal["integer", "number", "flag", "choice", "string", "grid"]
    rule: Annotated[str, "its range in words"]
    minimum: Number | None
    maximum: Number | None
    exclusive_minimum: Number | None
    exclusive_maximum: Number | None
    multiple_of: int | None
    choices: list[Scalar] | None
    log_scale: Annotated[bool, "whether its size matters more than its value"]
    search: Annotated[list[Number] | None, "the lowest and the highest value that a sweep tries where it isn't told"]
    default: Scalar | None
    unset_means: Annotated[str | None, "what happens without a value, where there is no default"]
    origin: Annotated[str, "where the default is set: file and line, or a hook"]
    description: str


class ResolvedHyperparameterRecord(HyperparameterRecord):
    """A hyperparameter with the value that a training would use; `origin` is then that of the value."""

    value: Scalar | None
    given: Annotated[bool, "whether the user set it"]


@dataclass(frozen=True)
class Field:
    """A hyperparameter of one model and task, with its default and where that default was set.

    `absent` has the reason for each value that would be one of its choices if a plugin were in use.
    """

    name: str
    spec: FieldSpec
    default: Value | None
    origin: str
    reason: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The range in words, with the family's reason where it narrowed it."""
        return self.spec.rule + (f" ({self.reason})" if self.reason else "")

    def to_dict(self) -> HyperparameterRecord:
        """The field as plain JSON values."""
        return {
            "name": self.name,
            "type": self.spec.type,
            "rule": self.rule,
            "minimum": self.spec.minimum,
            "maximum": self.spec.maximum,
            "exclusive_minimum": self.spec.above,
            "exclusive_maximum": self.spec.below,
            "multiple_of": self.spec.multiple_of,
            "choices": list(self.spec.choices) if self.spec.choices else None,
            "log_scale": self.spec.log_scale,
            "search": list(self.spec.search) if self.spec.search else None,
            "default": to_json(self.default),
            "unset_means": self.spec.unset_means or None,
            "origin": self.origin,
            "description": self.spec.description,
        }

    def json_schema(self) -> dict[str, Any]:
        """The field as a JSON Schema; null stands for unset where there is no default."""
        spec = self.spec
        optional: list[Any] = [] if spec.has_default else [None]
        is_flag = spec.type == "flag"
        keys = {
            "type": [*_JSON_TYPES[spec.type], *("null" for _ in optional)] if spec.type in _JSON_TYPES else None,
            "enum": [*spec.choices, *optional] if spec.choices else None,
            "minimum": 0 if is_flag else spec.minimum,
            "maximum": 1 if is_flag else spec.maximum,
            "exclusiveMinimum": spec.above,
            "exclusiveMaximum": spec.below,
            "multipleOf": spec.multiple_of,
            "pattern": f"^(?:{spec.text_pattern})$" if spec.text_pattern else None,
            "description": spec.description,
        }
        return {key: value for key, value in keys.items() if value is not None}


Fields = dict[str, Field]


def shared_with_policy(catalogue: Catalogue, task: str) -> Fields:
    """A task's shared table under the policy in force. Raises RegistryError."""
    overrides, fields = catalogue.policy.overrides(task), _shared(Offer.of(catalogue), task)
    return _with_policy(fields, task, overrides, names=_all_names(catalogue))


def model_fields(catalogue: Catalogue, card: ModelCard, task: str) -> Fields:
    """A model's fields for a task with the defaults in force. Raises RegistryError."""
    fields = _with_manifest(_of_model(card, task, catalogue), card, task, catalogue=catalogue)
    if card.backbone:
        fields = _restricted_by_backbone(fields, card, card.backbone)
    overrides = catalogue.policy.overrides(task, catalogue.names_of(card))
    fields = _with_policy(fields, card.full_name, overrides, names=_all_names(catalogue))
    for entry in fields.values():
        if entry.default is not None:
            _parsed(entry, entry.default, entry.origin, subject=card.full_name)
    return fields


def where_else(catalogue: Catalogue, fields: Mapping[str, Field]) -> dict[str, str]:
    """For each name that isn't among these fields: the tasks or the families that own it."""
    on_offer = fields_on_offer(Offer.of(catalogue))
    owners = {name: " and ".join(definition.spec.tasks) for name, definition in on_offer.items()}
    for card in catalogue.cards:
        owners |= {name: card.definer_of(name).family for name in card.hyperparameters}
    return {name: owner for name, owner in owners.items() if name not in fields}


def _all_names(catalogue: Catalogue) -> set[str]:
    """Every name that some installed model takes."""
    manifests = [plugin.manifest for plugin in catalogue.plugins if plugin.manifest]
    on_offer = fields_on_offer(Offer.of(catalogue))
    return {*on_offer, *(name for manifest in manifests for name in manifest.hyperparameters)}


def _shared(offer: Offer, task: str) -> Fields:
    return {
        name: _field(name, definition, task, offer=offer)
        for name, definition in fields_on_offer(offer).items()
        if task in definition.spec.tasks
    }


def _field(name: str, definition: Definition, task: str, offer: Offer) -> Field:
    spec = offer.with_choices(definition.spec)
    by_task = task in spec.default_for
    value = spec.default_for[task] if by_task else spec.default
    last = (("default_for", task) if by_task else ("default",)) if definition.is_written else ()
    origin = place(definition.path, (*definition.key, *last))
    absent = offer.table(spec.choices_from).absent if spec.choices_from else {}
    return Field(name, spec, None if value is None else spec.parse(value), origin=origin, absent=absent)


def _of_model(card: ModelCard, task: str, catalogue: Catalogue) -> Fields:
    """The shared table with what the family adds, leaves out and narrows."""
    offer = Offer.of(catalogue, card.hyperparameters)
    for one in (card, card.backbone) if card.backbone else (card,):
        _check_names(one, list(fields_on_offer(offer)))
    fields = {name: field for name, field in _shared(offer, task).items() if name not in card.exclude}
    for name, spec in card.hyperparameters.items():
        if task in spec.tasks:
            definition = Definition(spec, card.definer_of(name).manifest_path, ("hyperparameters", name))
            fields[name] = _field(name, definition, task, offer=offer)
    for name in [name for name, entry in fields.items() if card.freeze and entry.spec.maximum_from == "freeze"]:
        count = len(card.freeze)
        reason = f"{card.name} has {count} layers to freeze"
        fields |= _narrow(fields, name, Restriction(reason=reason, maximum=count))
    for name, restriction in card.restrict.items():
        fields |= _narrow(fields, name, restriction)
    return fields


def _check_names(card: ModelCard, shared: list[str]) -> None:
    """Raise RegistryError where a manifest narrows or leaves out what isn't there, or redefines what is."""
    names = [*shared, *card.hyperparameters]
    for table in ("exclude", "restrict"):
        for name in getattr(card, table):
            if name not in names:
                where = (
                    card.restriction_place(name) if table == "restrict" else place(card.manifest_path, (table, name))
                )
                raise RegistryError(
                    f"{where}: there is no hyperparameter '{name}'; {suggestion(name, names)}".rstrip("; ")
                )
    for name in [name for name in card.hyperparameters if name in shared]:
        where = place(card.definer_of(name).manifest_path, ("hyperparameters", name))
        raise RegistryError(
            f"{where}: '{name}' means the same for every model and can't be defined again; "
            "narrow it under [restrict], or set its default under [defaults]"
        )


def _narrow(fields: Fields, name: str, restriction: Restriction) -> Fields:
    if name not in fields:
        return {}
    field = fields[name]
    return {name: replace(field, spec=narrowed(field.spec, restriction), reason=restriction.reason)}


def _restricted_by_backbone(fields: Fields, card: ModelCard, backbone: ModelCard) -> Fields:
    """Narrow the fields further to what the backbone can take.

    A default that it can't take, which was chosen without knowing of it, becomes the nearest value that it can.
    Raises RegistryError where nothing is left.
    """
    for name, restriction in backbone.restrict.items():
        if name not in fields:
            continue
        field, where = fields[name], backbone.restriction_place(name)
        spec = narrowed_further(field.spec, restriction)
        if spec is None:
            raise RegistryError(
                f"{card.full_name} can't be used: it needs {name} to be {field.rule}, and {where} leaves none of that "
                f"({restriction.reason}); choose another backbone"
            )
        reason = "; ".join(dict.fromkeys(filter(None, (field.reason, restriction.reason))))
        fields = {**fields, name: _with_allowed_default(replace(field, spec=spec, reason=reason), where)}
    return fields


def _with_allowed_default(field: Field, where: str) -> Field:
    """The field with the nearest default that its range allows; `where` is what narrowed it."""
    if field.default is None or _is_allowed(field.spec, field.default):
        return field
    return replace(field, default=field.spec.parse(nearest(field.spec, field.default)), origin=where)


def _is_allowed(spec: FieldSpec, value: Value) -> bool:
    try:
        spec.parse(value)
    except ValueError:
        return False
    return True


def _with_manifest(fields: Fields, card: ModelCard, task: str, catalogue: Catalogue) -> Fields:
    """Lay the manifest's defaults, or what hooks make of them, over the shared ones. Raises BrokenPluginError."""
    layers = _DefaultLayers(fields, card, task)
    if not _are_computed(card, catalogue):
        layers.lay({name: value for name, (value, _) in card.manifest_defaults(task).items()}, None)
        return layers.fields
    from vistry.plugin import hooks
    from vistry.plugin.calls import OwnerHooks

    owner = OwnerHooks.of_model(catalogue, card, reviews={_HOOK: layers.review})
    owner.ask(hooks.vistry_default_hyperparameters, card=card, task=task)
    return layers.fields


def _are_computed(card: ModelCard, catalogue: Catalogue) -> bool:
    """Whether hooks have a say in the defaults: only then does a query run code."""
    if wrapping_plugins(catalogue, _HOOK):
        return True
    names = (card.family, card.distribution)
    owner = next(plugin for plugin in catalogue.plugins if (plugin.name, plugin.distribution) == names)
    return bool(owner.manifest and owner.manifest.computes_defaults)


class _DefaultLayers:
    """The fields of a model with the defaults that the owner, and then each wrapper, lays over them."""

    def __init__(self, fields: Fields, card: ModelCard, task: str):
        self.fields = fields
        self._card = card
        self._in_manifest = card.manifest_defaults(task)

    def review(
        self, author: Implementation | None, before: Mapping[str, Scalar] | None, answer: Mapping[str, Scalar]
    ) -> dict[str, Scalar | None]:
        """Lay what a plugin changes over the fields, and return the whole table for the next one.

        A wrapper is given every default; those that it leaves out stay. Raises BrokenPluginError.
        """
        known = before or {}
        changed = {name: value for name, value in answer.items() if name not in known or known[name] != value}
        stated = {} if before else {name: value for name, value in changed.items() if self._states(name, value)}
        self.lay(stated, None)
        self.lay({name: value for name, value in changed.items() if name not in stated}, author)
        return {name: to_json(field.default) for name, field in self.fields.items()}

    def lay(self, defaults: Mapping[str, Scalar], author: Implementation | None) -> None:
        """Lay a plugin's defaults over the fields, or without one those of the manifest.

        Raises BrokenPluginError, or RegistryError for the manifest's.
        """
        for name, value in defaults.items():
            if author is None and self._is_of_another_task(name):
                continue
            origin = f"{_HOOK} of {author.plugin.name} ({author.place})" if author else self._in_manifest[name][1].place
            try:
                self.fields = _override(self.fields, name, value=value, origin=origin, subject=self._card.full_name)
            except RegistryError as error:
                if author is None:
                    raise
                from vistry.registry.plugin_code import BrokenPluginError, check_command

                raise BrokenPluginError(author.plugin, str(error), check_command(author.plugin)) from error

    def _states(self, name: str, value: Scalar) -> bool:
        return name in self._in_manifest and self._in_manifest[name][0] == value

    def _is_of_another_task(self, name: str) -> bool:
        """Whether a default is the backbone's, for what only other tasks have."""
        return name not in self.fields and self._in_manifest[name][1].manifest != self._card.manifest_path


def _with_policy(fields: Fields, subject: str, overrides: Iterable[Override], names: set[str]) -> Fields:
    """Lay the defaults of registry.toml over the others; one for all models may name a field this one lacks."""
    for override in overrides:
        if override.field == "model_name" and not override.for_one_model:
            continue
        if override.field in fields or override.for_one_model or override.field not in names:
            fields = _override(fields, override.field, value=override.value, origin=override.origin, subject=subject)
    return fields


def _override(fields: Fields, name: str, value: Scalar, origin: str, subject: str) -> Fields:
    if name not in fields:
        hint = suggestion(name, list(fields))
        raise RegistryError(f"{origin}: {subject} has no hyperparameter '{name}'; {hint}".rstrip("; "))
    return {
        **fields,
        name: replace(fields[name], default=_parsed(fields[name], value, origin, subject=subject), origin=origin),
    }


def _parsed(field: Field, value: Value, origin: str, subject: str) -> Value | None:
    """A default in its field's own type. Raises RegistryError where it is out of range."""
    try:
        return field.spec.parse(value)
    except ValueError:
        given, why = format_as_typed(value), field.absent.get(str(value), "")
        message = f"{origin}: {field.name} = {given} must be {field.rule} for {subject}; {why}"
        raise RegistryError(message.rstrip("; ")) from None
