"""A model as the registry knows it: everything a caller or a hook needs, and no code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vistry.registry.discovery import Plugin
from vistry.registry.field_spec import FieldSpec, Restriction, Scalar
from vistry.registry.manifest import (
    CompositionSpec,
    FeatureMapsSpec,
    GradientClipping,
    Manifest,
    ModelSpec,
    MovingAverage,
    PreprocessingSpec,
    WeightsSpec,
)

BACKBONE_PREFIX = "backbone.body."  # what a composed model calls the backbone's tensors, as torchvision's detectors do


@dataclass(frozen=True)
class ModelCard:
    """One model of one plugin. `freeze` is its ordered list of groups of parameter-name prefixes.

    The first `frozen_layers` of them stay still in a pretrained model unless the user says how many. `backbone` is the
    model that a composed one is built on, and `classes` the number for which its `parameters` are counted.
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

    @property
    def full_name(self) -> str:
        """`family/model`, which is unique among the plugins in use."""
        return f"{self.family}/{self.name}"

    def manifest_defaults(self, task: str) -> dict[str, tuple[Scalar, tuple[str, ...]]]:
        """Each default the manifest sets for a task, with the path of the key that sets it."""
        defaults: dict[str, tuple[Scalar, tuple[str, ...]]] = {}
        for prefix, tables in self.defaults:
            for scope in ("*", task):
                for name, value in tables.get(scope, {}).items():
                    defaults[name] = (value, (*prefix, "defaults", scope, name))
        return defaults

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
            "weights": {name: vars(spec) for name, spec in self.weights.items()},
            "layers_to_freeze": [list(group) for group in self.freeze],
            "backbone": self.backbone.full_name if self.backbone else None,
            "strides_of_feature_maps": list(self.feature_maps.strides) if self.feature_maps else [],
            "distribution": self.distribution,
            "version": self.version,
        }


def _card(plugin: Plugin, manifest: Manifest, path: Path, name: str, model: ModelSpec) -> ModelCard:
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
        _card(plugin, plugin.manifest, path=plugin.path, name=name, model=model)
        for name, model in plugin.manifest.models.items()
        if not model.backbone
    )


def composed_cards(plugin: Plugin, backbones: Iterable[ModelCard]) -> tuple[ModelCard, ...]:
    """A plugin's models on each backbone that fits: as its manifest writes them, or as they follow from it."""
    if plugin.manifest is None or plugin.path is None or plugin.manifest.composition is None:
        return ()
    manifest, composition, cards = plugin.manifest, plugin.manifest.composition, []
    written = {model.backbone: (name, model) for name, model in manifest.models.items() if model.backbone}
    for backbone in backbones:
        maps = backbone.feature_maps
        if maps is None or not set(composition.strides) <= set(maps.strides):
            continue
        name, model = written.get(backbone.name) or _following(composition, backbone, maps)
        backends = tuple(name for name in model.backends or manifest.backends if name in backbone.backends)
        if backends:
            card = _card(plugin, manifest, path=plugin.path, name=name, model=replace(model, backends=backends))
            cards.append(replace(_on(card, backbone, maps), classes=composition.classes))
    return tuple(cards)


def _following(composition: CompositionSpec, backbone: ModelCard, maps: FeatureMapsSpec) -> tuple[str, ModelSpec]:
    """Name and facts of a composed model that nobody wrote down."""
    used = [
        channels for channels, stride in zip(maps.channels, maps.strides, strict=True) if stride in composition.strides
    ]
    parameters = maps.parameters + composition.parameters + composition.parameters_per_channel * sum(used)
    summary = composition.summary.replace("{backbone}", backbone.name)
    return composition.name.replace("{backbone}", backbone.name), ModelSpec(summary=summary, parameters=parameters)


def _on(card: ModelCard, backbone: ModelCard, maps: FeatureMapsSpec) -> ModelCard:
    """A card with what it has of its backbone: hyperparameters, weights, the layers it can freeze."""
    groups = maps.freeze or backbone.freeze
    return replace(
        card,
        backbone=backbone,
        weights={**backbone.weights, **card.weights},
        freeze=tuple(tuple(BACKBONE_PREFIX + prefix for prefix in group) for group in groups),
        frozen_layers=maps.frozen_layers,
        hyperparameters={**backbone.hyperparameters, **card.hyperparameters},
    )
