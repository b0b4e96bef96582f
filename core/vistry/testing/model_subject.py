"""What the checks look at: a plugin, or one of its models for one task, as if nothing else were installed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.schema import Hyperparameters, Schema, Source, schema_of
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo, identity_resizes
from vistry.plugin.calls import hooks_of
from vistry.registry.cards import BACKBONE_PREFIX, ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin, discover
from vistry.registry.policy import Policy
from vistry.task import behaviour_of
from vistry.task.behaviour import Input
from vistry.testing.check import NotComputed, NothingToCheck
from vistry.testing.meta_device import Shapes, on_meta_device, output_shape, parameters_of, without_norms
from vistry.testing.samples import CLASSES, eight_samples, training_data
from vistry.training.engines import Engine
from vistry.training.model_setup import build, input_of, make_engine

SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)


@dataclass(frozen=True)
class PluginSubject:
    """A plugin as a whole, with nobody's policy over it."""

    plugin: Plugin

    @classmethod
    def named(cls, name: str) -> PluginSubject:
        """The installed plugin with this name or its distribution's. Raises RegistryError."""
        plugins = discover()
        meant = Catalogue.of(plugins, Policy()).plugin(name)
        return cls(next(plugin for plugin in plugins if plugin.handle == meant.handle))

    @property
    def manifest_path(self) -> Path:
        """Where its plugin.toml is. Raises NothingToCheck where that can't be told."""
        if self.plugin.path is None:
            raise NothingToCheck(self.plugin.reason)
        return self.plugin.path

    @property
    def catalogue(self) -> Catalogue:
        """The plugin alone; one whose models are built on others' is seen with those, by the models it writes down."""
        manifest = self.plugin.manifest
        if manifest is None or manifest.composition is None:
            return Catalogue.of([self.plugin], Policy())
        whole = Catalogue.of(discover(), Policy())
        own = (self.plugin.name, self.plugin.distribution)
        cards = [card for card in whole.cards if (card.family, card.distribution) == own]
        return replace(whole, cards=tuple(card for card in cards if card.name in manifest.models))


@dataclass(frozen=True)
class ModelSubject:
    """One model for one task, in one of its backends; `left_out` says why it isn't computed."""

    catalogue: Catalogue
    card: ModelCard
    task: str
    backend: str
    left_out: str = ""

    @property
    def hooks(self) -> Any:
        """The hooks of the model's plugin."""
        return hooks_of(self.catalogue, self.card)

    def values(self, **wanted: Any) -> Hyperparameters:
        """The defaults with the smallest input the model allows, fp32, and each wanted value that it takes.

        Raises NothingToCheck where the model has no values that are allowed.
        """
        schema = self._schema()
        for side in SIDES:
            sizes = [name for name, field in schema.fields.items() if field.spec.unit == "pixels"]
            given = {"precision": "fp32", **dict.fromkeys(sizes, side), **wanted}
            taken = {name: value for name, value in given.items() if _takes(schema.fields.get(name), value)}
            try:
                values = schema.resolve([Source.of(taken, "the check")])
            except HyperparameterError:
                continue
            if not self.problems(values):
                return values
        raise NothingToCheck(f"its rules allow no input up to {SIDES[-1]} px; see defaults_are_in_range")

    def _schema(self) -> Schema:
        try:
            return schema_of(self.catalogue, self.card, self.task)
        except RegistryError as error:
            raise NothingToCheck(f"its hyperparameters can't be had, see defaults_are_in_range: {error}") from None

    def problems(self, values: Hyperparameters) -> list[str]:
        """The errors that the model's owner finds in values."""
        found = self.hooks.vistry_check_hyperparameters(card=self.card, task=self.task, hyperparameters=values)
        return [str(problem) for problem in found if problem.severity == "error"]

    def module(self, values: Mapping[str, Any], classes: int = len(CLASSES), backend: str = "") -> Any:
        """The model as `vistry.create` builds it."""
        return build(self.catalogue, self.card, self.task, classes, values, backend or self.backend)

    def parameters(self) -> Shapes:
        """The shape of each parameter, from a model without numbers if the builder can make one."""
        return self._parameters(self.values(), len(CLASSES))

    def parameter_count(self, classes: int) -> int:
        """How many numbers the parameters hold, with the default hyperparameters."""
        try:
            values = self._schema().resolve()
        except HyperparameterError as error:
            raise NothingToCheck(f"its defaults are not allowed, see defaults_are_in_range: {error}") from None
        parameters = self._parameters(values, classes)
        if self.card.backbone:
            parameters = without_norms(parameters, BACKBONE_PREFIX)
        return sum(math.prod(shape) for shape in parameters.values())

    def _parameters(self, values: Hyperparameters, classes: int) -> Shapes:
        try:
            module = on_meta_device(self.backend, lambda: self.module(values, classes))
        except Exception:
            module = self.module(values, classes)
        return parameters_of(self.backend, module)

    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output for two images, with nothing computed."""
        values = self.values()
        return output_shape(self.backend, lambda: self.module(values), self.input_size(values, training=False))

    def input_size(self, values: Mapping[str, Any], training: bool = True) -> int:
        """The side in pixels of the network's input."""
        return self.input(values).input_size(training)

    def input(self, values: Mapping[str, Any]) -> Input:
        """How images reach the model."""
        return input_of(self.catalogue, self.card, self.task, values)

    def eight_samples(self, values: Mapping[str, Any], training: bool = True) -> Batch:
        """The eight samples in the size of the network's input."""
        return eight_samples(
            self.task, self.input_size(values, training), self.input(values).eval_transform().variable_size
        )

    def frames(self, values: Mapping[str, Any], images: Pixels) -> list[ResizeInfo] | None:
        """What an engine is told of images that may differ in size; None where they may not."""
        return identity_resizes(images) if self.input(values).eval_transform().variable_size else None

    def response_of(self, engine: Engine, values: Mapping[str, Any], images: Pixels) -> list[dict[str, Any]]:
        """What a user is told of images [N, H, W, 3]."""
        task, eval_transform = behaviour_of(self.task), self.input(values).eval_transform()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "image.png"
            Image.fromarray(images[0]).save(path)
            view = eval_transform.views(path)
        found = engine.predict(images, self.frames(values, images))
        return [task.response(eval_transform.merge([one], view), CLASSES, values) for one in found]

    def check_computed(self) -> None:
        """Raise NotComputed where this model is to be checked without arithmetic."""
        if self.left_out:
            raise NotComputed(self.left_out)

    def engine(self, values: Mapping[str, Any], module: Any = None) -> Engine:
        """The model in its engine, ready to train. Raises NotComputed where it is not to be computed."""
        self.check_computed()
        module = self.module(values) if module is None else module
        return make_engine(self.catalogue, self.card, self.task, module, training_data(), values, self.backend)


def _takes(field: Any, value: Any) -> bool:
    """Whether a model has a field, and the value is in its range."""
    try:
        return field is not None and field.spec.parse(value) is not None
    except ValueError:
        return False
