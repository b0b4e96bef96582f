"""The subjects of checks: a plugin, or one of its models for one task, as if nothing else were installed."""

from __future__ import annotations

import math
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Source
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo, identity_resizes
from vistry.plugin.faults import keep_traceback
from vistry.plugin.types import Module
from vistry.registry.cards import BACKBONE_PREFIX, ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin, discover
from vistry.registry.field_spec import Scalar
from vistry.registry.installed import GROUP
from vistry.registry.plugin_code import BrokenPluginError
from vistry.registry.policy import Policy
from vistry.registry.tasks import task_named
from vistry.testing.check import CheckFailed, NothingToCheck, Subject
from vistry.testing.compositions import representatives, with_backbones
from vistry.testing.meta_device import Shapes, on_meta_device, output_shape, parameters_of, without_norms
from vistry.testing.samples import CLASSES, eight_samples, training_data
from vistry.testing.wheel import packed_files
from vistry.training.engines import Engine, engine_module
from vistry.training.model_context import ModelContext

# Of inputs, in pixels; the first one that the rules between hyperparameters allow is used.
SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)
MASKS = 16  # of an image at most, for a network that computes a mask for each box


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
    def package(self) -> str:
        """The package that its entry point names, whose folder may have another name in the source tree."""
        entry_points = metadata.distribution(self.plugin.distribution).entry_points
        entries = entry_points.select(group=GROUP, name=self.plugin.name)
        return next((entry.value.partition(":")[0].strip() for entry in entries), self.manifest_path.parent.name)

    @cached_property
    def wheel(self) -> Mapping[str, str]:
        """The files of its wheel, as `vistry.testing.wheel.packed_files` gives them."""
        return packed_files(self.plugin.distribution, self.manifest_path)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The plugin alone; of a family of compositions, with the plugins of backbones, those models to check."""
        if self.plugin.manifest is None or self.plugin.manifest.composition is None:
            return Catalogue.of([self.plugin], Policy())
        whole = with_backbones(self.plugin, discover())
        return replace(whole, cards=representatives(self.plugin, whole))


@dataclass(frozen=True)
class ModelSubject:
    """A model for one task and one backend.

    `left_out` is the reason why it isn't computed, "" if it is. No input is smaller than `least_side`, in pixels.
    """

    catalogue: Catalogue
    card: ModelCard
    task: str
    backend: str
    left_out: str = ""
    least_side: int = 0

    def context(self, **values: Scalar | None) -> ModelContext:
        """Return the model with the smallest input it allows, fp32, and those of the values that it accepts.

        Raises NothingToCheck where no input of up to 512 pixels is allowed.
        """
        context = self.default_context
        fields = context.schema.fields
        sizes = [name for name, field in fields.items() if field.spec.unit == "pixels"]
        for side in _sides([fields[name] for name in sizes], self.least_side, self.card.input_sizes.sizes):
            # fp32, because half precision would hide small differences between tensors.
            of_checks = {"precision": "fp32", "weights": "none", **self._fewer_masks}
            given = {**of_checks, **dict.fromkeys(sizes, side), **values}
            accepted = {name: value for name, value in given.items() if _accepts(fields.get(name), value)}
            try:
                return context.resolved([Source.of(accepted, "the check")])
            except HyperparameterError:
                continue
        raise NothingToCheck(f"its rules refuse every input up to {SIDES[-1]} px")

    @property
    def _fewer_masks(self) -> dict[str, Scalar]:
        return {"box_detections_per_image": MASKS} if task_named(self.task).has_masks else {}

    @cached_property
    def default_context(self) -> ModelContext:
        """The model with its default hyperparameters but for random weights, unchecked."""
        try:
            context = ModelContext.of(self.catalogue, self.card, task=self.task, backend=self.backend)
        except RegistryError as error:
            raise NothingToCheck(f"the model can't be used, see defaults_are_in_range: {error}") from None
        return context.with_hyperparameters(context.hyperparameters.changed({"weights": "none"}))

    def parameters(self) -> Shapes:
        """Return the shape of each parameter."""
        return self._shapes[0]

    def statistics(self) -> list[str]:
        """Return the names of the tensors that aren't parameters, such as running means."""
        return self._shapes[1]

    @cached_property
    def _shapes(self) -> tuple[Shapes, list[str]]:
        """The shapes of the parameters, and the names of the other tensors."""
        module = self._unmaterialised(self.context(), len(CLASSES))
        parameters = parameters_of(self.backend, module)
        return parameters, [name for name in engine_module(self.backend).shapes_of(module) if name not in parameters]

    @cached_property
    def build_error(self) -> Exception | None:
        """What the builder raises whether its tensors have values or not; None where it builds the model."""
        try:
            self._unmaterialised(self.context(), len(CLASSES))
        except NothingToCheck:
            return None  # the hyperparameters are at fault
        except Exception as error:
            return error
        return None

    def parameter_count(self, num_classes: int) -> int:
        """Return the number of elements of all parameters, with the default hyperparameters."""
        try:
            context = self.default_context
            context = context.with_hyperparameters(
                context.schema.resolve([Source.of({"weights": "none"}, "the check")])
            )
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


def cards_of(plugin: str) -> list[ModelCard]:
    """Return the models of an installed plugin, those of its catalogue file included; none where it isn't in use."""
    return [card for card in Catalogue.read().cards if card.family == plugin]


def _sides(fields: Sequence[Field], least: int, only: Collection[int] | None) -> list[int]:
    """Return the sides to try for a model's sizes: those that one of them allows first, small ones before large ones.

    `only` are those that a model allows, where they can be listed.
    """
    own = {int(field.spec.minimum) for field in fields if field.spec.minimum and field.spec.minimum > SIDES[0]}
    sides = [side for side in sorted({*SIDES, *own, *(only or ())}) if side >= least]
    return sorted(sides, key=lambda side: not any(_accepts(field, side) for field in fields))


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


def message(error: Exception, subject: Subject) -> str:
    """Return an error as a sentence; where no check raised it, with its file and line, the plugin's own if possible."""
    if isinstance(error, CheckFailed):
        return str(error)
    if isinstance(error, BrokenPluginError):
        keep_traceback(error)
        return f"{error.reason}; the traceback is in {error.file}" if error.file else error.reason
    frames = traceback.extract_tb(error.__traceback__)
    path: Path | None = subject.card.manifest_path if isinstance(subject, ModelSubject) else subject.plugin.path
    # The last frame in the plugin's own code: below it is a library that the plugin called.
    own = [frame for frame in frames if path and Path(frame.filename).is_relative_to(path.parent)]
    last = (own or list(frames))[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
