"""A model as the registry knows it: everything a caller or a hook needs, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from vistry.registry.discovery import Plugin
from vistry.registry.field_spec import FieldSpec, Restriction, Scalar
from vistry.registry.manifest import (
    FeatureMapsSpec,
    GradientClipping,
    Manifest,
    ModelSpec,
    MovingAverage,
    PreprocessingSpec,
    WeightsSpec,
)
from vistry.registry.toml_file import place, read_text
from vistry.registry.toml_lines import is_set

BACKBONE_PREFIX = "backbone.body."  # what a composed model calls the backbone's tensors, as torchvision's detectors do


class ManifestKey(NamedTuple):
    """A key of a plugin's manifest."""

    manifest: Path
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        """`file:line` of the key. Raises TomlFileError where the file has gone."""
        return place(self.manifest, self.key)


@dataclass(frozen=True)
class ModelCard:
    """One model of one plugin. `freeze` is its ordered list of groups of parameter-name prefixes.

    The first `frozen_layers` of them stay still in a pretrained model unless the user says how many. `classes` is the
    number for which its `parameters` are counted.

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

    @property
    def full_name(self) -> str:
        """`family/model`, which is unique among the plugins in use."""
        return f"{self.family}/{self.name}"

    def manifest_defaults(self, task: str) -> dict[str, tuple[Scalar, ManifestKey]]:
        """Each default that manifests set for a task, with the key that sets it; the backbone's come first."""
        defaults = self.backbone.manifest_defaults(task) if self.backbone else {}
        for prefix, tables in self.defaults:
            for scope in ("*", task):
                for name, value in tables.get(scope, {}).items():
                    key = (*prefix, "defaults", scope, name)
                    defaults[name] = (value, ManifestKey(self.manifest_path, key))
        return defaults

    def restriction_place(self, hyperparameter: str) -> str:
        """`file:line` of one of the card's own restrictions. Raises TomlFileError where the file has gone."""
        own: tuple[str, ...] = ("models", self.name, "restrict", hyperparameter)
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

    def to_dict(self) -> dict[str, object]:
        """The card as plain JSON values."""
        return {
            "name": self.name,
            "full_name": self.full_name,
            "family": self.family,
            "summary": self.summary,
            "tasks": list(self.tasks),
            "backends": list(self.backends),
            "parameters": self.parameters,
            "license": self.license,
            "default_for": list(self.default_for),
            "weights": {name: self._weights_to_dict(name) for name in self.weights},
            "layers_to_freeze": [list(group) for group in self.freeze],
            "backbone": self.backbone.full_name if self.backbone else None,
            "strides_of_feature_maps": list(self.feature_maps.strides) if self.feature_maps else [],
            "distribution": self.distribution,
            "version": self.version,
        }

    def _weights_to_dict(self, name: str) -> dict[str, object]:
        """Published weights as plain JSON values; the figures of a backbone's say nothing about this model."""
        backbone = self.backbone_of_weights(name)
        return {**vars(self.weights[name]), **({"metrics": {}} if backbone else {}), "backbone": backbone}


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
    )


def cards_of(plugin: Plugin) -> tuple[ModelCard, ...]:
    """The models of a plugin whose manifest could be read, but for those on a backbone."""
    if plugin.manifest is None or plugin.path is None:
        return ()
    return tuple(
        card_of(plugin, plugin.manifest, path=plugin.path, name=name, model=model)
        for name, model in plugin.manifest.models.items()
        if not model.backbone
    )
