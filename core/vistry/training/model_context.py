"""A model, and the questions to the plugin that owns it: training, prediction, export and the kit begin with one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from vistry.data.table import Table
from vistry.errors import HyperparameterError, Problem, RegistryError
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.schema import Schema, Source, schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmented import AugmentedDataset
from vistry.loading.batches import TrainingDataset
from vistry.plugin import hooks
from vistry.plugin.calls import OwnerHooks
from vistry.plugin.guarded_input import GuardedInput
from vistry.plugin.types import (
    Backbone,
    FittedTensors,
    FreezingMap,
    Input,
    Loss,
    Module,
    Postprocess,
    StateDict,
    TrainingData,
)
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import PreprocessingSpec
from vistry.registry.parts import PartRecord
from vistry.registry.plugin_code import BrokenPluginError, PluginCode, WrongAnswerError, is_of_core
from vistry.registry.tasks import task_named
from vistry.task import behaviour_of, hook_answers
from vistry.task.behaviour import Task
from vistry.task.loss_terms import with_terms
from vistry.training.answer_checks import check_maps, in_range
from vistry.training.backends import check_backend, checked_engine_module
from vistry.training.engines import Engine, EngineModule, EngineSettings, engine_module
from vistry.training.engines.ema import ramp_within
from vistry.training.engines.rate_factors import check_prefixes
from vistry.training.guarded_calls import GuardedLoss, GuardedPostprocess
from vistry.training.model_parts import ModelParts
from vistry.training.owner_code import OwnerCode


def silent(message: str) -> None:
    """Discard a message for the user."""


@dataclass(frozen=True)
class ModelContext:
    """A model, a task, a backend and resolved hyperparameters; its owner's hooks are loaded once.

    `owner` has the hooks of the plugin that owns the model, with core's own answers after them. `backbone_owner` has
    those of the plugin that owns the backbone of a composed model, and is None for other models. `recorded_parts` are
    those of plugins that a run was trained with: of parts by one name they are meant. `normalisation` is that of the
    first weights, where they come with another than the card's.
    """

    catalogue: Catalogue
    card: ModelCard
    task: Task
    backend: str
    schema: Schema
    hyperparameters: Hyperparameters
    owner: OwnerHooks = field(repr=False)
    recorded_parts: tuple[PartRecord, ...] = ()
    backbone_owner: OwnerHooks | None = field(default=None, repr=False)
    normalisation: PreprocessingSpec | None = None

    @classmethod
    def of(cls, catalogue: Catalogue, card: ModelCard, *, task: str, backend: str) -> ModelContext:
        """Make the context of a model with its default hyperparameters.

        Args:
            catalogue: the installed models, which the card is one of.
            card: the model.
            task: a task's full name.
            backend: the tensor library, "torch" or "jax".

        Raises:
            RegistryError: the model lacks the backend, or its plugin's code can't be used.
        """
        check_backend(card, backend)
        schema = schema_of(catalogue, card, task)
        backbone_owner = OwnerHooks.of_model(catalogue, card.backbone) if card.backbone else None
        reviews = {"vistry_resolve_auto": partial(in_range, schema)}
        return cls(
            catalogue=catalogue,
            card=card,
            task=behaviour_of(task),
            backend=backend,
            schema=schema,
            hyperparameters=Hyperparameters(schema.explain()),
            owner=OwnerHooks.of_model(catalogue, card, [hook_answers], reviews=reviews),
            backbone_owner=backbone_owner,
        )

    def in_backend(self, backend: str) -> ModelContext:
        """Return the same model in another backend. Raises RegistryError or VistryError where it can't be used."""
        check_backend(self.card, backend)
        return replace(self, backend=backend)

    # Hyperparameters

    def with_hyperparameters(self, hyperparameters: Hyperparameters) -> ModelContext:
        """Return the same model with other values, unchecked: those of a recorded run, for example."""
        return replace(self, hyperparameters=hyperparameters)

    def resolved(self, sources: Iterable[Source]) -> ModelContext:
        """Return the same model with the values of these sources over the defaults.

        Raises HyperparameterError where the schema or the model's owner finds an error; the owner's warnings are kept
        with the values.
        """
        hyperparameters = self.schema.resolve(sources)
        problems = self.problems(hyperparameters)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise HyperparameterError(errors)
        warnings = [*hyperparameters.warnings, *problems]
        return self.with_hyperparameters(Hyperparameters(hyperparameters.settings.values(), warnings))

    def problems(self, hyperparameters: Hyperparameters) -> list[Problem]:
        """Return the errors and warnings that the owners of the model and of its backbone find in values."""
        of_model = self.owner.ask(
            hooks.vistry_check_hyperparameters,
            card=self.card,
            task=self.task.name,
            hyperparameters=hyperparameters,
        )
        of_backbone = self._problems_of_backbone(hyperparameters)
        # A plugin that wraps everyone's checks is asked about both, and is told once.
        return [*of_model, *(problem for problem in of_backbone if problem not in of_model)]

    def _problems_of_backbone(self, hyperparameters: Hyperparameters) -> list[Problem]:
        """Return what the backbone's owner finds; a rule about what only a classifier has doesn't apply."""
        if self.card.backbone is None or self.backbone_owner is None:
            return []
        try:
            return self.backbone_owner.ask(
                hooks.vistry_check_hyperparameters,
                card=self.card.backbone,
                task=self.task.name,
                hyperparameters=hyperparameters,
            )
        except BrokenPluginError as error:
            missing = error.__cause__.args[0] if isinstance(error.__cause__, KeyError) else None
            if missing in shared_fields() and missing not in hyperparameters:
                return []
            raise

    @property
    def frozen_layers(self) -> int:
        """The number of layers to freeze: as set, else the card's for pretrained weights, and 0 for random ones."""
        if (layers := self.hyperparameters.layers_to_freeze) is not None:
            return layers
        from_scratch = self.weights == "none" and self.hyperparameters.checkpoint_run_id is None
        return 0 if from_scratch else self.card.frozen_layers

    @property
    def weights(self) -> str:
        """What `weights` names, with "auto" resolved: a run's weights leave no others to name."""
        values = self.hyperparameters
        published = None if values.checkpoint_run_id else self.card.default_weights
        return values.weights if values.weights != "auto" else published or "none"

    @property
    def _code(self) -> OwnerCode:
        return OwnerCode(self.owner, self.card.full_name)

    @property
    def parts(self) -> ModelParts:
        """The parts of a training that the values name."""
        return ModelParts(
            self.catalogue, self.task.name, self.backend, values=self.hyperparameters, recorded=self.recorded_parts
        )

    # Building

    @property
    def engine_module(self) -> EngineModule:
        """The backend's functions that make engines, and read and write the tensors of modules."""
        return checked_engine_module(self.card, self.backend)

    def module(self, num_classes: int) -> Module:
        """Build the untrained module, with initial weights drawn from random_seed. Raises RegistryError."""
        # Seeded right before: what was drawn earlier in the process must not change the weights.
        self.engine_module.seed_initialisation(self.hyperparameters.random_seed)
        module = self.owner.ask(
            hooks.vistry_build_model,
            card=self.card,
            task=self.task.name,
            num_classes=num_classes,
            hyperparameters=self.hyperparameters,
            backend=self.backend,
            backbone=self.backbone(),
        )
        if module is None:
            raise RegistryError(f"{self.card.distribution} implements no vistry_build_model for {self.card.full_name}")
        return self.engine_module.with_single_precision(module) if task_named(self.task.name).has_boxes else module

    def exportable(self, module: Module) -> Module | None:
        """Return the torch module that the owner of a trained detector exports; None where the owner says nothing."""
        return self.owner.ask(
            hooks.vistry_build_exportable,
            card=self.card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
            module=module,
        )

    def backbone(self) -> Backbone | None:
        """Build the backbone of a composed model; None for other models. Raises RegistryError."""
        if self.card.backbone is None or self.backbone_owner is None:
            return None
        backbone = self._feature_maps(self.card.backbone, self.backbone_owner)
        return backbone and replace(backbone, module=self.engine_module.with_low_precision(backbone.module))

    def feature_maps(self) -> Backbone | None:
        """Build the model without its head, as a backbone for detectors; None where it offers no feature maps."""
        return self._feature_maps(self.card, self.owner)

    def _feature_maps(self, card: ModelCard, owner: OwnerHooks) -> Backbone | None:
        if card.feature_maps is None:
            return None
        check_backend(card, self.backend)
        module = owner.ask(
            hooks.vistry_build_feature_maps, card=card, hyperparameters=self.hyperparameters, backend=self.backend
        )
        if module is None:
            raise RegistryError(f"{card.distribution} implements no vistry_build_feature_maps for {card.full_name}")
        author = owner.author(hooks.vistry_build_feature_maps, module)
        source = author and author.function
        code = PluginCode(owner.plugin, f"the feature maps of {card.full_name}", source, others=owner.others)
        checked = partial(check_maps, code, card.feature_maps)
        with code:
            engine_module(self.backend).on_first_maps(module, checked)
        return Backbone(module, card.feature_maps.channels, card.feature_maps.strides)

    def preprocessing(self) -> PreprocessingSpec:
        """Return how pixels are normalised; a composed model takes its backbone's way."""
        card = self.card.backbone or self.card
        return (self.backbone_owner or self.owner).ask(
            hooks.vistry_preprocessing,
            card=replace(card, preprocessing=self.normalisation) if self.normalisation else card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
        )

    def input(self) -> Input:
        """Return how images are loaded for the model: its plugin's way, else its task's."""
        images = self.owner.ask(
            hooks.vistry_build_input,
            card=self.card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
        )
        built = self._code.of_built(images, "the input", hooks.vistry_build_input)
        return GuardedInput(images, built) if built else images

    def freezing_map(self) -> FreezingMap:
        """Return the parameters that each number of frozen layers adds."""
        return self.owner.ask(hooks.vistry_freezing_map, card=self.card, task=self.task.name)

    def rate_factors(self, module: Module) -> Mapping[str, float]:
        """Return what the learning rate of a module's parameters is multiplied by, by how their names begin.

        Raises BrokenPluginError where a beginning fits no parameter.
        """
        factors = self.owner.ask(
            hooks.vistry_rate_factors, card=self.card, task=self.task.name, hyperparameters=self.hyperparameters
        )
        try:
            check_prefixes(factors, self.engine_module.parameter_names(module))
        except WrongAnswerError as error:
            raise self._code.of_rate_factors().fault(error) from error
        return factors

    def fitted_to(self, table: Table, state_dict: StateDict) -> FittedTensors:
        """Return the tensors that the owner fits to a training split, such as anchors, given the module's tensors."""
        return self.owner.ask(
            hooks.vistry_fit_to_data,
            card=self.card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
            state_dict=state_dict,
            table=table,
        )

    def mapped_weights(self, state_dict: StateDict, num_classes: int, *, of_backbone: bool = False) -> StateDict:
        """Return tensors of a file under the names of the model, or of its backbone."""
        card, owner = self.card, self.owner
        if of_backbone and card.backbone and self.backbone_owner:
            card, owner = card.backbone, self.backbone_owner
        return owner.ask(
            hooks.vistry_map_weights,
            card=card,
            state_dict=state_dict,
            num_classes=num_classes,
            hyperparameters=self.hyperparameters,
        )

    # Making engines

    def engine(
        self, module: Module, data: TrainingData, log: Callable[[str], None] = silent, updates: int | None = None
    ) -> Engine:
        """Make a module, as `module` builds it, ready to train, with its loss, optimiser and frozen layers.

        `data`: facts of the training split, for the loss. `log`: is called with messages for the user, such as that a
        kernel is being compiled. `updates`: how many the training has, which a moving average follows.
        """
        settings = EngineSettings(
            hyperparameters=self.hyperparameters,
            preprocessing=self.preprocessing(),
            clipping=self.card.gradient_clipping,
            freezing=self.freezing_map(),
            frozen_layers=self.frozen_layers,
            rate_factors=self.rate_factors(module),
            log=log,
            ema=ramp_within(self.card.moving_average, updates),
            optimizer=self.parts.optimizer(),
            code=partial(self._code.of_module, module),
        )
        loss = self.owner.ask(
            hooks.vistry_build_loss,
            card=self.card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
            backend=self.backend,
            data=data,
        )
        classes = len(data.classes)
        guarded = self._guarded(module, loss, classes)
        try:
            return self.engine_module.make(
                module,
                settings,
                with_terms(guarded, self.parts.loss_terms()),
                self._postprocess(module, classes),
            )
        except WrongAnswerError as error:  # a freezing map that doesn't fit the module
            raise self._code.of_freezing_map().fault(error) from error

    def training_dataset(self, table: Table) -> TrainingDataset:
        """Return the rows of a table as training samples, changed by the augmentations that are switched on."""
        dataset, augmentations = self.input().dataset(table), self.parts.augmentations()
        return AugmentedDataset(dataset, augmentations) if augmentations else dataset

    def prediction_engine(
        self,
        module: Module,
        preprocessing: PreprocessingSpec,
        num_classes: int,
        postprocess: Postprocess | None = None,
    ) -> Engine:
        """Make a module ready to predict: it has no loss and can't train.

        Args:
            module: the model, as `module` builds it.
            preprocessing: how pixels are normalised; a run records it.
            num_classes: the number of classes that the module was built for.
            postprocess: turns outputs into predictions, in place of the owner's.
        """
        settings = EngineSettings(
            hyperparameters=self.hyperparameters,
            preprocessing=preprocessing,
            code=partial(self._code.of_module, module),
        )
        return self.engine_module.make(module, settings, None, postprocess or self._postprocess(module, num_classes))

    def _guarded(self, module: Module, loss: Loss, classes: int) -> GuardedLoss:
        network = self._code.of_module(module, "the forward pass")
        wants_logits = not task_named(self.task.name).has_boxes
        if is_of_core(loss):
            return GuardedLoss(loss, network, classes, network=network if wants_logits else None)
        return GuardedLoss(loss, self._code.of_built(loss, "the loss", hooks.vistry_build_loss) or network, classes)

    def postprocess(self) -> Postprocess:
        """Return the function from outputs to predictions: its plugin's, else its task's."""
        return self.owner.ask(
            hooks.vistry_build_postprocess,
            card=self.card,
            task=self.task.name,
            hyperparameters=self.hyperparameters,
        )

    def _postprocess(self, module: Module, classes: int) -> GuardedPostprocess:
        postprocess, network = self.postprocess(), self._code.of_module(module, "the forward pass")
        if is_of_core(postprocess):
            return GuardedPostprocess(postprocess, network, self.task, classes=classes, network=network)
        code = self._code.of_built(postprocess, "the postprocessing", hooks.vistry_build_postprocess)
        return GuardedPostprocess(postprocess, code or network, self.task, classes=classes)
