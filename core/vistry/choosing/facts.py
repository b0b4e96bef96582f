"""What manifests say about one model beyond its card: for whoever chooses it. No plugin's code is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, TypedDict, cast

from vistry.hyperparameter.fields import Fields, shared_with_policy
from vistry.hyperparameter.manifest_defaults import InputPixels, input_pixels, manifest_default, specs_of
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import (
    Number,
    Restriction,
    Scalar,
    to_json,
)
from vistry.registry.tasks import task_named
from vistry.weights.published import PublishedWeights, published_weights


class DefaultRecord(TypedDict):
    """A default that the model's manifest, or its backbone's, sets for a task."""

    task: str
    name: str
    value: Scalar
    shared: Annotated[
        Scalar | None, "what other models of the task begin with; null: unset, or only this family has it"
    ]
    origin: Annotated[str, "file and line of the manifest"]


class InputPixelsRecord(TypedDict):
    """A hyperparameter that is a size of the network's input, and its default for a task."""

    task: str
    name: str
    pixels: int | None


class RestrictionRecord(TypedDict):
    """A narrower range than other models have."""

    name: str
    reason: str
    minimum: Number | None
    maximum: Number | None
    multiple_of: int | None
    choices: list[Scalar] | None
    of: Annotated[str, "full name of the model whose it is: this one, or its backbone"]


class ExclusionRecord(TypedDict):
    """A hyperparameter that the model doesn't take."""

    name: str
    reason: str


class WeightsPlaceRecord(TypedDict):
    """Where a set of published weights is on this machine, and how large it is."""

    name: str
    size: Annotated[int | None, "bytes of the file; null where the manifest doesn't say"]
    file: Annotated[str | None, "null: not on this machine"]


class ModelFactsRecord(TypedDict):
    """What a person who chooses a model wants to know, beyond the model's own record."""

    input: list[InputPixelsRecord]
    defaults: Annotated[list[DefaultRecord], "those that differ from the task's"]
    restrictions: list[RestrictionRecord]
    excluded: list[ExclusionRecord]
    weights: list[WeightsPlaceRecord]
    detectors: Annotated[list[str], "full names of the models that are built on it"]
    next: Annotated[list[str], "commands to type"]


@dataclass(frozen=True)
class Default:
    """A default that a manifest sets for a task, and where.

    `shared` is what other models of the task have: None where that is unset, or only this family has the field.
    """

    task: str
    name: str
    value: Scalar
    shared: Scalar | None
    origin: str


@dataclass(frozen=True)
class OwnRestriction:
    """A narrower range of a hyperparameter; `of` is the full name of the model whose it is."""

    name: str
    range: Restriction
    of: str


@dataclass(frozen=True)
class ModelFacts:
    """What a person who chooses a model wants to know, as manifests have it.

    `defaults` are those that differ from the task's, with the backbone's of a composed model. `detectors` are the full
    names of the models built on this one. `next` are commands to type.
    """

    card: ModelCard
    input: tuple[InputPixels, ...]
    defaults: tuple[Default, ...]
    restrictions: tuple[OwnRestriction, ...]
    weights: tuple[PublishedWeights, ...]
    detectors: tuple[str, ...]
    next: tuple[str, ...]

    @classmethod
    def of(cls, catalogue: Catalogue, card: ModelCard) -> ModelFacts:
        """Collect the facts of a model of the catalogue. Raises RegistryError for a policy that can't be used."""
        shared = {task: shared_with_policy(catalogue, task) for task in card.tasks}
        return cls(
            card,
            input=tuple(pixels for task in card.tasks for pixels in input_pixels(card, task, shared[task])),
            defaults=tuple(default for task in card.tasks for default in _defaults(card, task, shared[task])),
            restrictions=tuple(_restrictions(card, {name for fields in shared.values() for name in fields})),
            weights=tuple(published_weights([card])),
            detectors=tuple(
                detector.full_name
                for detector in (catalogue.models(backbone=card.full_name) if card.feature_maps else ())
            ),
            next=_next(catalogue, card),
        )

    def to_dict(self) -> ModelFactsRecord:
        """The facts as plain JSON values."""
        sizes = {name: spec.size for name, spec in self.card.weights.items()}
        return {
            "input": [{"task": one.task, "name": one.name, "pixels": one.pixels} for one in self.input],
            "defaults": [cast(DefaultRecord, asdict(default)) for default in self.defaults],
            "restrictions": [_restriction_record(one) for one in self.restrictions],
            "excluded": [{"name": name, "reason": reason} for name, reason in self.card.exclude.items()],
            "weights": [
                {"name": entry.name, "size": sizes[entry.name], "file": str(entry.file) if entry.file else None}
                for entry in self.weights
            ],
            "detectors": list(self.detectors),
            "next": list(self.next),
        }


def model_facts(model: str) -> ModelFacts:
    """Return what a person who chooses a model wants to know. Raises RegistryError."""
    catalogue = Catalogue.read()
    return ModelFacts.of(catalogue, catalogue.model(model))


def _defaults(card: ModelCard, task: str, shared: Fields) -> Iterator[Default]:
    """Yield the defaults that manifests make other than the task's; the backbone's may be of other tasks."""
    fields = specs_of(card, task, shared)
    for name in dict.fromkeys((*card.manifest_defaults(task), *(card.backbone.restrict if card.backbone else ()))):
        if name not in fields:
            continue
        value, origin = manifest_default(card, task, name, shared=shared)
        usual = to_json(shared[name].default) if name in shared else None
        if value is not None and value != usual:
            yield Default(task, name, value, shared=usual, origin=origin)


def _restrictions(card: ModelCard, shared: Iterable[str]) -> Iterator[OwnRestriction]:
    """Yield a model's own restrictions, and its backbone's of hyperparameters that it has."""
    names = {*shared, *card.hyperparameters}.difference(card.exclude)
    for owner in (card, card.backbone) if card.backbone else (card,):
        for name, restriction in owner.restrict.items():
            if owner is card or name in names:
                yield OwnRestriction(name, restriction, owner.full_name)


def _restriction_record(one: OwnRestriction) -> RestrictionRecord:
    limit = one.range
    return {
        "name": one.name,
        "reason": limit.reason,
        "minimum": limit.minimum,
        "maximum": limit.maximum,
        "multiple_of": limit.multiple_of,
        "choices": None if limit.choices is None else list(limit.choices),
        "of": one.of,
    }


def _next(catalogue: Catalogue, card: ModelCard) -> tuple[str, ...]:
    """The commands that follow on a choice: training, and what can be set."""
    name, alias = catalogue.names_of(card)[-1], task_named(card.tasks[0]).alias
    return (
        f"vistry train --data FOLDER --task {alias} --model {name}",
        f"vistry hyperparameters {name} --task {alias}",
    )
