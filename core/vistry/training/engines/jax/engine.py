"""Training and prediction with JAX: Flax NNX modules, optax, and steps compiled once for one size of batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array

from vistry.flax_layers import valid_rows
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch, ImageBatch
from vistry.loading.views import ResizeInfo, identity_resizes
from vistry.plugin.types import Loss, Postprocess, Predictions, Tensor
from vistry.runs.records import EngineFacts
from vistry.training.engines.ema import ema_step
from vistry.training.engines.engine import Engine, EngineSettings, pixel_statistics, precision_of_predictions
from vistry.training.engines.freezing import frozen_prefixes, trained_names
from vistry.training.engines.jax.compilation import Compiled
from vistry.training.engines.jax.device import device_name, peak_memory, pick_device
from vistry.training.engines.jax.ema import update_ema
from vistry.training.engines.jax.module import (
    SplitModule,
    Tensors,
    batch_norms_under,
    check_fit,
    decayed_names,
    parameter_names,
    split_by_name,
    variables_of,
)
from vistry.training.engines.jax.optimizer import load_state_arrays, make_optimizer, state_arrays
from vistry.training.engines.jax.padding import BATCH_SIZE, CANVASES, OBJECTS, Padding, on_canvas, rounded_up
from vistry.training.engines.jax.precision import in_single_precision, pick_precision
from vistry.training.engines.rate_factors import rate_factors
from vistry.training.engines.state import EMA, EMA_UPDATES, MODEL, OPTIMIZER, Arrays, ema_state, under, with_prefix

_DTYPES = {"fp32": jnp.float32, "bf16": jnp.bfloat16}
_NO_LOSS = "an engine made without a loss can't train"


def make(module: nnx.Module, settings: EngineSettings, loss: Loss | None, postprocess: Postprocess) -> Engine:
    """Make an engine. Without a loss it only predicts."""
    return JaxEngine(module, settings, loss, postprocess=postprocess)


class JaxEngine:
    """An NNX module with its optimiser; see `Engine` for what each method promises.

    Batches are padded to the largest one so far, so that a smaller one needs no program of its own. The rows added are
    copies of real ones; batch norm and the losses don't count them.
    """

    _trained: Tensors  # parameters
    _frozen: Tensors  # parameters that don't train
    _statistics: Tensors  # what changes without gradients
    _ema: Tensors  # the average of trained parameters and statistics, empty where the model has none

    def __init__(self, module: nnx.Module, settings: EngineSettings, loss: Loss | None, postprocess: Postprocess):
        hyperparameters = settings.hyperparameters
        self.device = pick_device()
        self.precision, self._precision_reason = pick_precision(hyperparameters.precision, self.device)
        self.prediction_precision = precision_of_predictions(hyperparameters.precision, self.precision)
        self._loss, self._postprocess, self._code = loss, postprocess, settings.code
        self.mean, self.std = pixel_statistics(settings.preprocessing)

        self._parameters = parameter_names(module)
        prefixes = frozen_prefixes(settings.freezing, settings.frozen_layers, self._parameters)
        self._trainable = trained_names(self._parameters, prefixes)
        self._ema_settings = settings.ema if loss is not None else None
        self._ema_updates = 0
        frozen_norms = batch_norms_under(module, prefixes) if settings.freezing.freeze_batch_norm else []
        self._module = SplitModule(module, frozen_norms)
        self._place({name: variable.get_value() for name, variable in variables_of(module).items()})

        self._optimizer: optax.GradientTransformation | None = None
        if loss is not None:
            part, clipping = settings.optimizer_part, settings.clipping
            self._rate_factors = rate_factors(settings.rate_factors, self._parameters)
            self._optimizer = make_optimizer(hyperparameters, part, clipping, decayed=decayed_names(module))
        self._opt_state: optax.OptState | None = None
        self._gradients: Tensors | None = None
        self._key = jax.random.key(hyperparameters.random_seed)
        # Training has its own sizes: the last bits of a training must not depend on what was predicted in between.
        self._padding, self._prediction_padding = Padding(), Padding()

        is_exact = hyperparameters.deterministic and self.device.platform == "gpu"
        options = {"xla_gpu_deterministic_ops": True} if is_exact else None
        log = settings.log
        self._add_gradient = Compiled(self._gradient, "the training step", log, donated=(2, 3), options=options)
        self._step = Compiled(self._optimizer_step, "the optimiser", log, donated=(0, 1, 2), options=options)
        self._predict = Compiled(self._outputs, "the prediction", log, options=options)
        self._update_ema = jax.jit(update_ema, donate_argnums=0)

    @property
    def model(self) -> nnx.Module:
        return self._module.merge(self._tensors() | self._ema)

    def facts(self) -> EngineFacts:
        tensors = {**self._trained, **self._frozen}
        programs = (self._add_gradient, self._step, self._predict)
        return EngineFacts(
            backend="jax",
            backend_version=jax.__version__,
            device=device_name(self.device),
            precision=self.precision,
            precision_reason=self._precision_reason,
            parameters=sum(tensors[name].size for name in self._parameters),
            trainable_parameters=sum(value.size for value in self._trained.values()),
            compile_seconds=round(sum(program.seconds for program in programs), 2),
        )

    def peak_memory(self) -> int | None:
        return peak_memory(self.device)

    # Steps

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        images = batch.images
        if batch.sizes is not None:
            images = on_canvas(images, self._padding.canvas((images.shape[1], images.shape[2])))
        padded = self._padding.images(images)
        sizes = None if batch.sizes is None else np.asarray(batch.sizes, np.int32)[padded.rows]
        if self._gradients is None:
            self._gradients = jax.tree.map(jnp.zeros_like, self._trained)
        targets = self._padding.targets(batch.targets, padded)
        with self._code("the training step"):
            terms, self._statistics, self._gradients = self._add_gradient(
                self._trained,
                self._frozen,
                self._statistics,
                self._gradients,
                padded.images,
                sizes,
                targets,
                padded.mask,
                np.float32(share),
                np.uint32(step),
            )
        return {name: float(value) for name, value in jax.device_get(terms).items()}

    def update(self, learning_rate: float) -> None:
        assert self._optimizer is not None, _NO_LOSS
        if self._opt_state is None:
            self._opt_state = self._optimizer.init(self._trained)
        self._trained, self._opt_state, self._gradients = self._step(
            self._trained, self._opt_state, self._gradients, np.float32(learning_rate)
        )
        if self._ema_settings:
            self._ema_updates += 1
            step = ema_step(self._ema_settings, self._ema_updates)
            self._ema = self._update_ema(self._ema, {**self._trained, **self._statistics}, np.float32(step))

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Predictions:
        # By its size alone: what is found in an image must not depend on those before it.
        placed = images if frames is None else on_canvas(images, rounded_up((images.shape[1], images.shape[2])))
        padded = self._prediction_padding.images(placed)
        sizes = None if frames is None else np.array([frame[:2] for frame in frames], np.int32)[padded.rows]
        with self._code("the forward pass"):
            outputs = self._predict(self._tensors() | self._ema, padded.images, sizes)
        unpadded = jax.tree.map(lambda output: output[: len(images)], jax.device_get(outputs))
        return self._postprocess(unpadded, frames or identity_resizes(images))

    # Functions that are compiled

    def _gradient(
        self,
        trained: Tensors,
        frozen: Tensors,
        statistics: Tensors,
        gradients: Tensors,
        images: Array,
        sizes: Array | None,
        targets: Tensor,
        mask: Array,
        share: Array,
        step: Array,
    ) -> tuple[dict[str, Array], Tensors, Tensors]:
        """Return the loss terms, the new statistics, and the gradients with this batch's share added."""
        assert self._loss is not None, _NO_LOSS
        loss = self._loss

        def total(trained: Tensors) -> tuple[Array, tuple[dict[str, Array], Tensors]]:
            dtype = _DTYPES[self.precision]
            tensors = _cast({**trained, **frozen}, dtype) | statistics
            module = self._module.merge(tensors, jax.random.fold_in(self._key, step))
            with valid_rows(mask):
                terms = loss(module, self._inputs(images, sizes, dtype), targets)
            after = {name: value.get_value() for name, value in variables_of(module).items() if name in statistics}
            return share * sum(terms.values(), start=jnp.zeros(())), (terms, after)

        batch_gradients, (terms, statistics) = jax.grad(total, has_aux=True)(trained)
        return terms, statistics, jax.tree.map(jnp.add, gradients, batch_gradients)

    def _optimizer_step(
        self, trained: Tensors, state: optax.OptState, gradients: Tensors, learning_rate: Array
    ) -> tuple[Tensors, optax.OptState, Tensors]:
        """Return the parameters after an update, the optimiser's state, and gradients of zero."""
        assert self._optimizer is not None, _NO_LOSS
        steps, state = self._optimizer.update(gradients, state, trained)
        trained = {
            name: value - (learning_rate * self._rate_factors[name]) * steps[name] for name, value in trained.items()
        }
        return trained, state, jax.tree.map(jnp.zeros_like, gradients)

    def _outputs(self, tensors: Tensors, images: Array, sizes: Array | None) -> Tensor:
        parameters, others = split_by_name(tensors, self._parameters)
        dtype = _DTYPES[self.prediction_precision]
        module: Any = self._module.merge(_cast(parameters, dtype) | others)
        return jax.tree.map(in_single_precision, module(self._inputs(images, sizes, dtype)))

    def _inputs(self, images: Array, sizes: Array | None, dtype: Any) -> Array | ImageBatch:
        """Return what a model is called with: the images; with their sizes [N, 2], if these differ."""
        pixels = self._normalised(images).astype(dtype)
        if sizes is None:
            return pixels
        row, column = jnp.arange(pixels.shape[1])[:, None], jnp.arange(pixels.shape[2])
        inside = (row < sizes[:, :1, None]) & (column < sizes[:, 1:, None])
        return ImageBatch(jnp.where(inside[..., None], pixels, 0), sizes)

    def _normalised(self, images: Array) -> Array:
        """[N, H, W, 3] uint8 to [N, H, W, 3] float32, normalised."""
        return (images.astype(jnp.float32) - self.mean) / self.std

    # State

    def weights(self) -> Arrays:
        return {name: np.array(value) for name, value in (self._tensors() | self._ema).items()}

    def load_weights(self, arrays: Arrays) -> None:
        tensors = self._tensors()
        check_fit(arrays, tensors)
        # 0-dimensional tensors have one dimension in a file of safetensors.
        shaped = {
            name: value.reshape(tensors[name].shape).astype(tensors[name].dtype) for name, value in arrays.items()
        }
        self._place({**tensors, **shaped})

    def state(self) -> Arrays:
        tensors = {name: np.array(value) for name, value in self._tensors().items()}
        arrays = with_prefix(MODEL, tensors) | with_prefix(OPTIMIZER, self._optimizer_state())
        if not self._ema_settings:
            return arrays
        return arrays | ema_state({name: np.array(value) for name, value in self._ema.items()}, self._ema_updates)

    def load_state(self, arrays: Arrays) -> None:
        self.load_weights(under(MODEL, arrays))
        self._load_optimizer_state(under(OPTIMIZER, arrays))
        if self._ema_settings:
            average = under(EMA, arrays)
            self._ema = {
                name: jnp.array(average[name].reshape(value.shape), value.dtype) for name, value in self._ema.items()
            }
            self._ema_updates = int(arrays[EMA_UPDATES].item())

    def _optimizer_state(self) -> Arrays:
        """Return the optimiser's tensors, and the sizes that batches are padded to."""
        return {**({} if self._opt_state is None else state_arrays(self._opt_state)), **self._padding.state()}

    def _load_optimizer_state(self, arrays: Arrays) -> None:
        self._padding.load_state(arrays)
        tensors = {name: value for name, value in arrays.items() if name not in (BATCH_SIZE, OBJECTS, CANVASES)}
        if tensors and self._optimizer is not None:  # none are saved before the first update
            shapes = jax.eval_shape(self._optimizer.init, self._trained)
            self._opt_state = load_state_arrays(shapes, tensors)

    def _tensors(self) -> Tensors:
        return {**self._trained, **self._frozen, **self._statistics}

    def _place(self, tensors: dict[str, Any]) -> None:
        """Set all tensors to copies of these, because an update overwrites its own."""
        copies = {name: jnp.array(value, copy=True) for name, value in tensors.items()}
        self._trained, others = split_by_name(copies, self._trainable)
        self._frozen, self._statistics = split_by_name(others, self._parameters)
        averaged = {**self._trained, **self._statistics} if self._ema_settings else {}
        self._ema = {name: jnp.array(value, copy=True) for name, value in averaged.items()}


def _cast(parameters: Tensors, dtype: Any) -> Tensors:
    """Return parameters in the precision that computes; those that are saved and updated stay float32."""
    return {name: value.astype(dtype) for name, value in parameters.items()}
