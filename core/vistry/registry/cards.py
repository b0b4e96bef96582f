"""A model as the registry knows it: everything a caller or a hook needs, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vistry.registry.discovery import Plugin
from vistry.registry.fields import FieldSpec, Restriction, Scalar
from vistry.registry.manifest import GradientClipping, Manifest, ModelSpec, PreprocessingSpec, WeightsSpec


@dataclass(frozen=True)
class ModelCard:
    """One model of one plugin. `freeze` is its ordered list of groups of parameter-name prefixes."""

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
    hyperparameters: Mapping[str, FieldSpec] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    restrict: Mapping[str, Restriction] = field(default_factory=dict)
    defaults: tuple[tuple[tuple[str, ...], Mapping[str, Mapping[str, Scalar]]], ...] = ()

    @property
    def full_name(self) -> str:
        """`family/model`, which is unique among the plugins in use."""
        return f"{self.family}/{self.name}"

    def manifest_defaults(self, task: str) -> dict[str, tuple[Scalar, tuple[str, ...]]]:
        """Each default the manifest sets for a task, with the path of the key that sets it."""
        found: dict[str, tuple[Scalar, tuple[str, ...]]] = {}
        for prefix, tables in self.defaults:
            for scope in ("*", task):
                for name, value in tables.get(scope, {}).items():
                    found[name] = (value, (*prefix, "defaults", scope, name))
        return found

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
        hyperparameters=manifest.hyperparameters,
        exclude=manifest.exclude,
        restrict={**manifest.restrict, **model.restrict},
        defaults=(((), manifest.defaults), (("models", name), model.defaults)),
    )


def cards_of(plugin: Plugin) -> tuple[ModelCard, ...]:
    """The models of a plugin whose manifest could be read."""
    if plugin.manifest is None or plugin.path is None:
        return ()
    return tuple(
        _card(plugin, plugin.manifest, plugin.path, name, model) for name, model in plugin.manifest.models.items()
    )
