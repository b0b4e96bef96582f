"""A model as the registry knows it: everything a caller or a hook needs, and no code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from vistry.registry.catalogue_file import place_in_file
from vistry.registry.discovery import Plugin
from vistry.registry.field_spec import FieldSpec, Restriction, Scalar
from vistry.registry.input_sizes import InputSizes
from vistry.registry.manifest import (
    CataloguedModel,
    ClassRows,
    FeatureMapsSpec,
    GradientClipping,
    Manifest,
    ModelSpec,
    MovingAverage,
    PreprocessingSpec,
    WeightsSpec,
)
from vistry.registry.records import FeatureMapsRecord, ModelRecord, PreprocessingRecord, WeightsRecord
from vistry.registry.tasks import TASKS
from vistry.registry.toml_file import place, read_text
from vistry.registry.toml_lines import is_set

BACKBONE_PREFIX = "backbone.body."  # what a composed model calls the backbone's tensors, as torchvision's detectors do


class ManifestKey(NamedTuple):
    """A key of a plugin's manifest, or of a model in the catalogue that the manifest names."""

    manifest: Path
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        """`file:line` of the key. Raises TomlFileError where the file has gone."""
        if self.manifest.suffix == ".json":  # a catalogue, where a model may have the key of what it is like
            return place_in_file(self.manifest, self.key[1], self.key[2:])
        return place(self.manifest, self.key)


@dataclass(frozen=True)
class ModelCard:
    """One model of one plugin. `freeze` is its ordered list of groups of parameter-name prefixes.

    The first `frozen_layers` of them stay still in a pretrained model unless the user says how many. `classes` is the
    number for which its `parameters` are counted. `catalogue_path` is the file that it is from, where its manifest
    names one for it; then one that `yields` has its short name only where no other model has that.

    `backbone` is the model that a composed one is built on. Then `hyperparameters`, `weights` and `license` are those
    of both, while `exclude` and `restrict` are the model's own; `is_derived` says that no manifest writes it down.
    """

    name: str
    family: str
    summary: str
    tasks: tuple[str, ...]
    backends: tuple[str, ...]
    parameters: int
    license: str
    distribution: str
    version: str
    manifest_path: Path
    default_for: tuple[str, ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, WeightsSpec] = field(default_factory=dict)
    freeze: tuple[tuple[str, ...], ...] = ()
    preprocessing: PreprocessingSpec = field(default_factory=PreprocessingSpec)
    gradient_clipping: GradientClipping = field(default_factory=GradientClipping)
    moving_average: MovingAverage | None = None
    checkpoint_notice: str = ""
    hyperparameters: Mapping[str, FieldSpec] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    restrict: Mapping[str, Restriction] = field(default_factory=dict)
    defaults: tuple[tuple[tuple[str, ...], Mapping[str, Mapping[str, Scalar]]], ...] = ()
    feature_maps: FeatureMapsSpec | None = None
    backbone: ModelCard | None = None
    frozen_layers: int = 0
    classes: int | None = None
    is_derived: bool = False
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    class_rows: Mapping[str, ClassRows] = field(default_factory=dict)
    paper: str = ""
    catalogue_path: Path | None = None
    yields: bool = False

    @property
    def paper_address(self) -> str:
        """The address of the paper that describes it, or of another page; empty where its manifest names none."""
        kind, _, identifier = self.paper.partition(":")
        return f"https://arxiv.org/abs/{identifier}" if kind == "arXiv" else self.paper

    @cached_property
    def full_name(self) -> str:
        """`family/model`, which is unique among the plugins in use."""
        return f"{self.family}/{self.name}"

    def manifest_defaults(self, task: str) -> dict[str, tuple[Scalar, ManifestKey]]:
        """Each default that manifests set for a task, with the key that sets it; the backbone's come first."""
        defaults = self.backbone.manifest_defaults(task) if self.backbone else {}
        for prefix, tables in self.defaults:
            for scope in ("*", task):
                for name, value in tables.get(scope, {}).items():
                    file = self.catalogue_path if prefix and self.catalogue_path else self.manifest_path
                    defaults[name] = (value, ManifestKey(file, (*prefix, "defaults", scope, name)))
        return defaults

    def restriction_place(self, hyperparameter: str) -> str:
        """`file:line` of one of the card's own restrictions. Raises TomlFileError where the file has gone."""
        own: tuple[str, ...] = ("models", self.name, "restrict", hyperparameter)
        if self.catalogue_path and (place := ManifestKey(self.catalogue_path, own).place) != str(self.catalogue_path):
            return place
        is_own = is_set(read_text(self.manifest_path), own)
        return ManifestKey(self.manifest_path, own if is_own else ("restrict", hyperparameter)).place

    def definer_of(self, hyperparameter: str) -> ModelCard:
        """The card whose family defines one of the hyperparameters: this one, or its backbone."""
        spec = self.hyperparameters[hyperparameter]
        is_inherited = self.backbone is not None and self.backbone.hyperparameters.get(hyperparameter) is spec
        return self.backbone if self.backbone and is_inherited else self

    def backbone_of_weights(self, name: str) -> str | None:
        """The full name of the backbone whose published weights these are; None for weights of the whole model."""
        is_inherited = self.backbone is not None and self.backbone.weights.get(name) is self.weights[name]
        return self.backbone.full_name if self.backbone and is_inherited else None

    @property
    def own_weights(self) -> dict[str, WeightsSpec]:
        """The published weights of the whole model: those of a backbone are not a detector's."""
        return {name: spec for name, spec in self.weights.items() if not self.backbone_of_weights(name)}

    @property
    def default_weights(self) -> str | None:
        """The published weights that a training starts from unless the user says otherwise: its own, or its backbone's.

        Of several sets the one that its manifest marks, else the first.
        """
        sets = self.own_weights or self.weights
        return next((name for name, spec in sets.items() if spec.default), next(iter(sets), None))

    @property
    def input_sizes(self) -> InputSizes:
        """The sides in pixels that its input may have, which follow from the ranges of its hyperparameters."""
        own = {name: spec for name, spec in self.hyperparameters.items() if spec.unit == "pixels"}
        names = {*_size_names(self.tasks), *own}.difference(self.exclude)
        limits = [limit for table in (own, self.restrict) for name, limit in table.items() if name in names]
        return InputSizes.under(limits) if limits else InputSizes()

    def to_dict(self) -> ModelRecord:
        """The card as plain JSON values."""
        return {
            "name": self.name,
            "full_name": self.full_name,
            "family": self.family,
            "summary": self.summary,
            "tasks": list(self.tasks),
            "backends": list(self.backends),
            "parameters": self.parameters,
            "classes": self.classes,
            "license": self.license,
            "default_for": list(self.default_for),
            "tags": list(self.tags),
            "weights": {name: self._weights_record(name) for name in self.weights},
            "layers_to_freeze": [list(group) for group in self.freeze],
            "backbone": self.backbone.full_name if self.backbone else None,
            "feature_maps": _feature_maps_record(self.feature_maps) if self.feature_maps else None,
            "input_sizes": self.input_sizes.to_dict(),
            "preprocessing": self._preprocessing_record(),
            "metadata": dict(self.metadata),
            "paper": self.paper_address or None,
            "distribution": self.distribution,
            "version": self.version,
        }

    def _weights_record(self, name: str) -> WeightsRecord:
        """Published weights; the figures of a backbone's say nothing about the model that is built on it."""
        spec, backbone = self.weights[name], self.backbone_of_weights(name)
        return {
            "source": spec.source,
            "sha256": spec.sha256,
            "license": spec.license,
            "classes": spec.classes,
            "metrics": {} if backbone else {data_set: dict(figures) for data_set, figures in spec.metrics.items()},
            "backbone": backbone,
        }

    def _preprocessing_record(self) -> PreprocessingRecord:
        return {
            "mean": list(self.preprocessing.mean),
            "std": list(self.preprocessing.std),
            "interpolation": "bilinear",
            "resize": self._pixels("validation_resize_size"),
            "crop": self._pixels("validation_crop_size"),
        }

    def _pixels(self, name: str) -> int | None:
        """The size that the manifest sets for a classifier: the only one it allows, or its default."""
        if "validation_crop_size" not in _size_names(self.tasks):
            return None
        choices = self.restrict[name].choices if name in self.restrict else None
        if choices and len(choices) == 1:
            value: Scalar | None = choices[0]
        else:
            value, _ = self.manifest_defaults(self.tasks[0]).get(name, (None, ()))
        return value if isinstance(value, int) else None


@cache
def _size_names(tasks: tuple[str, ...]) -> frozenset[str]:
    """The hyperparameters that say how large the input is, for a model of these tasks."""
    return frozenset(name for task in TASKS if task.name in tasks for name in task.input_sizes)


def _feature_maps_record(maps: FeatureMapsSpec) -> FeatureMapsRecord:
    return {"channels": list(maps.channels), "strides": list(maps.strides), "parameters": maps.parameters}


def card_of(plugin: Plugin, manifest: Manifest, path: Path, name: str, model: ModelSpec) -> ModelCard:
    """What a manifest says about one of its models; of a composed one, what it says beside the backbone's."""
    return ModelCard(
        name=name,
        family=plugin.name,
        summary=model.summary,
        tasks=model.tasks or manifest.tasks,
        backends=model.backends or manifest.backends,
        parameters=model.parameters,
        license=manifest.license,
        distribution=plugin.distribution,
        version=plugin.version,
        manifest_path=path,
        default_for=model.default_for,
        args=model.args,
        weights=model.weights,
        freeze=model.freeze or manifest.freeze,
        class_rows=manifest.class_rows,
        preprocessing=model.preprocessing or manifest.preprocessing,
        gradient_clipping=manifest.gradient_clipping,
        checkpoint_notice=manifest.checkpoint_notice,
        moving_average=manifest.moving_average,
        classes=model.classes,
        hyperparameters=manifest.hyperparameters,
        exclude=manifest.exclude,
        restrict={**manifest.restrict, **model.restrict},
        defaults=(((), manifest.defaults), (("models", name), model.defaults)),
        feature_maps=model.feature_maps,
        tags=tuple(dict.fromkeys((*manifest.tags, *model.tags))),
        metadata={**manifest.metadata, **model.metadata},
        catalogue_path=model.path if isinstance(model, CataloguedModel) else None,
        yields=isinstance(model, CataloguedModel) and model.yields,
        paper=model.paper or manifest.paper,
    )


def distinct(cards: Iterable[ModelCard]) -> list[ModelCard]:
    """The models but for those of a catalogue file that differ from another in no default and no restriction."""
    kinds: dict[object, ModelCard] = {}
    for card in cards:
        tables = repr((card.tasks, card.restrict, card.defaults[-1][1]))
        kinds.setdefault((card.family, tables) if card.catalogue_path else card.full_name, card)
    return list(kinds.values())


def cards_of(plugin: Plugin) -> tuple[ModelCard, ...]:
    """The models of a plugin whose manifest could be read, but for those on a backbone."""
    return _cards_as_read(_AsRead(plugin))


class _AsRead:
    """A plugin as it was read: those are equal that have one manifest, which is the same object until it changes."""

    def __init__(self, plugin: Plugin):
        self.plugin = plugin
        self._key = (plugin.name, plugin.distribution, plugin.version, plugin.path, id(plugin.manifest))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _AsRead) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=64)  # a catalogue file has a thousand models, which every reading would make again
def _cards_as_read(as_read: _AsRead) -> tuple[ModelCard, ...]:
    plugin = as_read.plugin
    if plugin.manifest is None or plugin.path is None:
        return ()
    return tuple(
        card_of(plugin, plugin.manifest, path=plugin.path, name=name, model=model)
        for name, model in plugin.manifest.models.items()
        if not model.backbone
    )
