"""The subjects of checks: a plugin, or one of its models for one task, as if nothing else were installed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Source
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo, identity_resizes
from vistry.plugin.types import Module
from vistry.registry.cards import BACKBONE_PREFIX, ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin, discover
from vistry.registry.field_spec import Scalar
from vistry.registry.policy import Policy
from vistry.testing.check import NothingToCheck
from vistry.testing.meta_device import Shapes, on_meta_device, output_shape, parameters_of, without_norms
from vistry.testing.samples import CLASSES, eight_samples, training_data
from vistry.training.engines import Engine, engine_module
from vistry.training.model_context import ModelContext

# Of inputs, in pixels; the first one that the rules between hyperparameters allow is used.
SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)


@dataclass(frozen=True)
class PluginSubject:
    """A plugin as a whole, without any policy."""

    plugin: Plugin
    left_out = ""

    @classmethod
    def named(cls, name: str) -> PluginSubject:
        """Return the installed plugin of this name or distribution. Raises RegistryError."""
        plugins = discover()
        handle = Catalogue.of(plugins, Policy()).plugin(name).handle
        # The catalogue's own answer has the state of a conflict with other plugins, which play no part here.
        return cls(next(plugin for plugin in plugins if plugin.handle == handle))

    @property
    def manifest_path(self) -> Path:
        """The path of its plugin.toml. Raises NothingToCheck where it is unknown."""
        if self.plugin.path is None:
            raise NothingToCheck(self.plugin.reason)
        return self.plugin.path

    @property
    def catalogue(self) -> Catalogue:
        """The plugin alone; with composed models, the listed ones and the plugins of their backbones."""
        manifest = self.plugin.manifest
        if manifest is None or manifest.composition is None:
            return Catalogue.of([self.plugin], Policy())
        whole = Catalogue.of(discover(), Policy())
        own = (self.plugin.name, self.plugin.distribution)
        cards = [card for card in whole.cards if (card.family, card.distribution) == own]
        return replace(whole, cards=tuple(card for card in cards if card.name in manifest.models))


@dataclass(frozen=True)
class ModelSubject:
    """A model for one task and one backend; `left_out` is the reason why it isn't computed, "" if it is."""

    catalogue: Catalogue
    card: ModelCard
    task: str
    backend: str
    left_out: str = ""

    def context(self, **values: Scalar | None) -> ModelContext:
        """Return the model with the smallest input it allows, fp32, and those of the values that it accepts.

        Raises NothingToCheck where no input of up to 512 pixels is allowed.
        """
        context = self._default_context()
        fields = context.schema.fields
        for side in SIDES:
            sizes = [name for name, field in fields.items() if field.spec.unit == "pixels"]
            # fp32, because half precision would hide small differences between tensors.
            given = {"precision": "fp32", **dict.fromkeys(sizes, side), **values}
            accepted = {name: value for name, value in given.items() if _accepts(fields.get(name), value)}
            try:
                return context.resolved([Source.of(accepted, "the check")])
            except HyperparameterError:
                continue
        raise NothingToCheck(f"its rules refuse every input up to {SIDES[-1]} px; see defaults_are_in_range")

    def _default_context(self) -> ModelContext:
        try:
            return ModelContext.of(self.catalogue, self.card, task=self.task, backend=self.backend)
        except RegistryError as error:
            raise NothingToCheck(f"the model can't be used, see defaults_are_in_range: {error}") from None

    def parameters(self) -> Shapes:
        """Return the shape of each parameter."""
        return parameters_of(self.backend, self._unmaterialised(self.context(), len(CLASSES)))

    def statistics(self) -> list[str]:
        """Return the names of the tensors that aren't parameters, such as running means."""
        module = self._unmaterialised(self.context(), len(CLASSES))
        parameters = parameters_of(self.backend, module)
        return [name for name in engine_module(self.backend).shapes_of(module) if name not in parameters]

    def parameter_count(self, num_classes: int) -> int:
        """Return the number of elements of all parameters, with the default hyperparameters."""
        try:
            context = self._default_context()
            context = context.with_hyperparameters(context.schema.resolve())
        except HyperparameterError as error:
            raise NothingToCheck(f"its defaults are invalid, see defaults_are_in_range: {error}") from None
        parameters = parameters_of(self.backend, self._unmaterialised(context, num_classes))
        if self.card.backbone:
            parameters = without_norms(parameters, BACKBONE_PREFIX)
        return sum(math.prod(shape) for shape in parameters.values())

    def _unmaterialised(self, context: ModelContext, num_classes: int) -> Module:
        """Return the model, on the meta device if the builder can: that takes neither time nor memory."""
        try:
            return on_meta_device(self.backend, lambda: context.module(num_classes))
        except Exception:
            return context.module(num_classes)

    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the output for two images; nothing is computed."""
        context = self.context()
        side = context.input().input_size(training=False)
        return output_shape(self.backend, lambda: context.module(len(CLASSES)), side)

    def engine(self, context: ModelContext, module: Module = None) -> Engine:
        """Return the model in its engine, ready to train."""
        return context.engine(context.module(len(CLASSES)) if module is None else module, training_data())


def _accepts(field: Field | None, value: Scalar | None) -> bool:
    """Return whether a model has a field, and the value is in its range."""
    try:
        return field is not None and value is not None and field.spec.parse(value) is not None
    except ValueError:
        return False


def errors_in(context: ModelContext) -> list[str]:
    """Return the errors that the model's owner finds in the hyperparameters."""
    problems = context.problems(context.hyperparameters)
    return [str(problem) for problem in problems if problem.severity == "error"]


def eight_inputs(context: ModelContext, training: bool = True) -> Batch:
    """Return the eight samples in the size of the network's input."""
    images = context.input()
    side, variable_size = images.input_size(training), images.eval_transform().variable_size
    return eight_samples(context.task.name, side, variable_size)


def resize_infos(context: ModelContext, images: Pixels) -> list[ResizeInfo] | None:
    """Return the sizes of images [N, H, W, 3] for a network that takes images of any size; None for others."""
    return identity_resizes(images) if context.input().eval_transform().variable_size else None


def responses(context: ModelContext, engine: Engine, images: Pixels) -> list[dict[str, object]]:
    """Return the predictions of images [N, H, W, 3] as a user gets them."""
    task, transform = context.task, context.input().eval_transform()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(images[0]).save(path)
        views = transform.views(path)
    predictions = engine.predict(images, resize_infos(context, images))
    return [
        task.response(transform.merge([prediction], views), CLASSES, context.hyperparameters)
        for prediction in predictions
    ]
