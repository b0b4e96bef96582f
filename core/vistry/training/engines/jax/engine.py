"""Training and prediction with JAX: Flax NNX modules, optax, and steps compiled once for one size of batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from jax import Array

from vistry.errors import HyperparameterError, Problem
from vistry.flax_layers import valid_rows
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch, ImageBatch
from vistry.loading.views import ResizeInfo, unresized
from vistry.training.engines.engine import Arrays, EngineSettings, ema_step, under
from vistry.training.engines.freezing import frozen_prefixes
from vistry.training.engines.jax.compilation import Compiled
from vistry.training.engines.jax.module import (
    SplitModule,
    Tensors,
    arrays_of,
    batch_norms_under,
    by_name,
    check_names,
    decayed_names,
    load_arrays,
    parameter_names,
    shapes_of,
    variables_of,
)
from vistry.training.engines.jax.optimizer import make_optimizer, state_arrays, state_from_arrays

__all__ = ["JaxEngine", "arrays_of", "load_arrays", "make", "pick_precision", "seed_initialisation", "shapes_of"]

BATCH_SIZE, OBJECTS = "batch_size", "objects"
LEAST_OBJECTS = 8
_MODEL, _OPTIMIZER, _AVERAGE, _UPDATES = "model/", "optimizer/", "average/", "average.updates"


def pick_precision(wanted: str, device: jax.Device) -> tuple[str, str]:
    """The precision to use and why. Raises HyperparameterError for fp16."""
    if wanted == "fp16":
        problem = Problem("precision", "fp16 needs its gradients scaled, which the JAX engine doesn't do", "use bf16")
        raise HyperparameterError([problem])
    if wanted != "auto":
        return wanted, "as asked"
    if device.platform == "cpu":
        return "fp32", "XLA computes bf16 on a processor no faster"
    if device.platform == "gpu" and float(getattr(device, "compute_capability", 0)) < 8:
        return "fp32", "this GPU has no bf16"
    return "bf16", f"this {device.platform.upper()} computes bf16"


class JaxEngine:
    """An NNX module with its optimiser; see `Engine` for what each method promises.

    Batches are padded to the largest one so far, so that a smaller one needs no program of its own. The rows added are
    copies of real ones; batch norm and the losses don't count them.
    """

    _trained: Tensors  # parameters
    _still: Tensors  # frozen parameters
    _statistics: Tensors  # what changes without gradients
    _average: Tensors  # of what is trained and of the statistics, where the model asks for one

    def __init__(
        self,
        module: nnx.Module,
        settings: EngineSettings,
        loss: Callable[[Any, Any, Any], dict[str, Any]],
        postprocess: Callable[[Any, Sequence[ResizeInfo]], Any],
    ):
        hyperparameters = settings.hyperparameters
        self.device = jax.devices()[0]
        self.precision, self._why = pick_precision(hyperparameters.precision, self.device)
        self._loss, self._postprocess = loss, postprocess
        self._mean = 255 * np.array(settings.preprocessing.mean, np.float32)
        self._std = 255 * np.array(settings.preprocessing.std, np.float32)

        parameters = parameter_names(module)
        frozen = frozen_prefixes(settings.freezing, settings.frozen_layers, parameters)
        self._trainable = {name for name in parameters if not (frozen and name.startswith(frozen))}
        self._parameters = parameters
        self._averaging = settings.averaging if loss is not None else None
        self._updates = 0
        holds_norms = frozen and settings.freezing.freeze_batch_norm
        self._module = SplitModule(module, batch_norms_under(module, frozen) if holds_norms else [])
        self._place({name: variable.get_value() for name, variable in variables_of(module).items()})

        self._optimizer = make_optimizer(hyperparameters, settings.clipping, decayed_names(module))
        self._state: Any = None
        self._gradients: Tensors | None = None
        self._key = jax.random.key(hyperparameters.random_seed)
        self._rows = {"training": 0, "prediction": 0}
        self._objects = 0

        exact = hyperparameters.deterministic and self.device.platform == "gpu"
        options = {"xla_gpu_deterministic_ops": True} if exact else None
        self._programs = [
            Compiled(self._add_gradient, "the training step", settings.say, donated=(2, 3), options=options),
            Compiled(self._apply, "the optimiser", settings.say, donated=(0, 1, 2), options=options),
            Compiled(self._outputs, "the prediction", settings.say, options=options),
        ]
        self._averaged = jax.jit(_moved, donate_argnums=0)

    def facts(self) -> dict[str, Any]:
        tensors = {**self._trained, **self._still}
        return {
            "backend": "jax",
            "backend_version": jax.__version__,
            "device": "cpu" if self.device.platform == "cpu" else self.device.device_kind,
            "precision": self.precision,
            "precision_reason": self._why,
            "parameters": sum(tensors[name].size for name in self._parameters),
            "trainable_parameters": sum(value.size for value in self._trained.values()),
            "compile_seconds": round(sum(program.seconds for program in self._programs), 2),
        }

    def peak_memory(self) -> int | None:
        if self.device.platform == "cpu":
            return None
        return int((self.device.memory_stats() or {}).get("peak_bytes_in_use", 0)) or None

    # Steps

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        images, mask, rows = self._padded(batch.images, "training")
        sizes = None if batch.sizes is None else np.asarray(batch.sizes, np.int32)[rows]
        if self._gradients is None:
            self._gradients = jax.tree.map(jnp.zeros_like, self._trained)
        program, *_ = self._programs
        terms, self._statistics, self._gradients = program(
            self._trained,
            self._still,
            self._statistics,
            self._gradients,
            images,
            sizes,
            self._targets(batch.targets, rows),
            mask,
            np.float32(share),
            np.uint32(step),
        )
        return {name: float(value) for name, value in jax.device_get(terms).items()}

    def update(self, learning_rate: float) -> None:
        if self._state is None:
            self._state = self._optimizer.init(self._trained)
        _, program, _ = self._programs
        self._trained, self._state, self._gradients = program(
            self._trained, self._state, self._gradients, np.float32(learning_rate)
        )
        if self._averaging:
            self._updates += 1
            step = ema_step(self._averaging, self._updates)
            self._average = self._averaged(self._average, {**self._trained, **self._statistics}, np.float32(step))

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Any:
        padded, _, rows = self._padded(images, "prediction")
        sizes = None if frames is None else np.array([frame[:2] for frame in frames], np.int32)[rows]
        *_, program = self._programs
        outputs = program(self._tensors() | self._average, padded, sizes)
        real = jax.tree.map(lambda output: output[: len(images)], jax.device_get(outputs))
        return self._postprocess(real, frames or unresized(images))

    def _padded(self, images: Pixels, use: str) -> tuple[Pixels, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Images, with rows repeated up to the largest batch so far; the mask of the real ones; which rows they are."""
        self._rows[use] = max(self._rows[use], len(images))
        rows = np.arange(self._rows[use])
        mask = (rows < len(images)).astype(np.float32)
        rows %= len(images)
        return (images if mask.all() else images[rows]), mask, rows

    def _targets(self, targets: Any, rows: npt.NDArray[np.int64]) -> Any:
        """Targets of the rows; objects as arrays with room for the most in an image so far, labels -1 beyond them."""
        if isinstance(targets, np.ndarray):
            return targets[rows]
        most = max(len(target["labels"]) for target in targets)
        if most > self._objects or not self._objects:
            self._objects = max(LEAST_OBJECTS, 1 << (most - 1).bit_length() if most else 0)
        boxes = np.zeros((len(targets), self._objects, 4), np.float32)
        labels = np.full((len(targets), self._objects), -1, np.int32)
        for image, target in enumerate(targets):
            boxes[image, : len(target["labels"])] = target["boxes"]
            labels[image, : len(target["labels"])] = target["labels"]
        return {"boxes": boxes[rows], "labels": labels[rows]}

    def _tensors(self) -> Tensors:
        return {**self._trained, **self._still, **self._statistics}

    # What is compiled

    def _add_gradient(
        self,
        trained: Tensors,
        still: Tensors,
        statistics: Tensors,
        gradients: Tensors,
        images: Array,
        sizes: Array | None,
        targets: Any,
        mask: Array,
        share: Array,
        step: Array,
    ) -> tuple[dict[str, Array], Tensors, Tensors]:
        """The loss terms, the new statistics, and the gradients with this batch's share added."""

        def total(trained: Tensors) -> tuple[Array, tuple[dict[str, Array], Tensors]]:
            tensors = self._cast({**trained, **still}) | statistics
            module = self._module.merge(tensors, jax.random.fold_in(self._key, step))
            with valid_rows(mask):
                terms = self._loss(module, self._inputs(images, sizes), targets)
            after = {name: value.get_value() for name, value in variables_of(module).items() if name in statistics}
            return share * sum(terms.values(), start=jnp.zeros(())), (terms, after)

        found, (terms, statistics) = jax.grad(total, has_aux=True)(trained)
        return terms, statistics, jax.tree.map(jnp.add, gradients, found)

    def _apply(self, trained: Tensors, state: Any, gradients: Tensors, rate: Array) -> tuple[Tensors, Any, Tensors]:
        """The parameters after an update, the optimiser's state, and gradients of zero."""
        steps, state = self._optimizer.update(gradients, state, trained)
        trained = jax.tree.map(lambda value, step: value - rate * step, trained, steps)
        return trained, state, jax.tree.map(jnp.zeros_like, gradients)

    def _outputs(self, tensors: Tensors, images: Array, sizes: Array | None) -> Any:
        parameters, others = by_name(tensors, self._parameters.__contains__)
        module: Any = self._module.merge(self._cast(parameters) | others)
        return jax.tree.map(_in_single_precision, module(self._inputs(images, sizes)))

    def _inputs(self, images: Array, sizes: Array | None) -> Array | ImageBatch:
        """What a model is called with: the images, where they are of different size with their sizes [N, 2]."""
        pixels = self._normalised(images)
        if sizes is None:
            return pixels
        row, column = jnp.arange(pixels.shape[1])[:, None], jnp.arange(pixels.shape[2])
        inside = (row < sizes[:, :1, None]) & (column < sizes[:, 1:, None])
        return ImageBatch(jnp.where(inside[..., None], pixels, 0), sizes)

    def _normalised(self, images: Array) -> Array:
        """[N, H, W, 3] uint8 to [N, H, W, 3], normalised, in the precision that computes."""
        pixels = (images.astype(jnp.float32) - self._mean) / self._std
        return pixels.astype(jnp.bfloat16) if self.precision == "bf16" else pixels

    def _cast(self, parameters: Tensors) -> Tensors:
        """Parameters in the precision that computes; what is kept and updated stays float32."""
        if self.precision == "fp32":
            return parameters
        return {name: value.astype(jnp.bfloat16) for name, value in parameters.items()}

    # State

    def _place(self, tensors: dict[str, Any]) -> None:
        """Copies of all tensors, as each update overwrites its own."""
        copies = {name: jnp.array(value, copy=True) for name, value in tensors.items()}
        self._trained, others = by_name(copies, self._trainable.__contains__)
        self._still, self._statistics = by_name(others, self._parameters.__contains__)
        moving = {**self._trained, **self._statistics} if self._averaging else {}
        self._average = {name: jnp.array(value, copy=True) for name, value in moving.items()}

    def weights(self) -> Arrays:
        return {name: np.array(value) for name, value in (self._tensors() | self._average).items()}

    def load_weights(self, arrays: Arrays) -> None:
        mine = self._tensors()
        check_names(arrays, mine)
        shaped = {name: value.reshape(mine[name].shape).astype(mine[name].dtype) for name, value in arrays.items()}
        self._place({**mine, **shaped})

    def state(self) -> Arrays:
        arrays = {f"{_MODEL}{name}": np.array(value) for name, value in self._tensors().items()}
        arrays |= {f"{_OPTIMIZER}{name}": value for name, value in self._optimizer_state().items()}
        if self._averaging:
            arrays |= {f"{_AVERAGE}{name}": np.array(value) for name, value in self._average.items()}
            arrays[_UPDATES] = np.array(self._updates)
        return arrays

    def load_state(self, arrays: Arrays) -> None:
        self.load_weights(under(_MODEL, arrays))
        self._load_optimizer_state(under(_OPTIMIZER, arrays))
        if self._averaging:
            kept = under(_AVERAGE, arrays)
            self._average = {
                name: jnp.array(kept[name].reshape(value.shape), value.dtype) for name, value in self._average.items()
            }
            self._updates = int(arrays[_UPDATES].item())

    def _optimizer_state(self) -> Arrays:
        """The optimiser's tensors, and the sizes that batches are padded to, on which the last bits depend."""
        arrays = {} if self._state is None else state_arrays(self._state)
        return {**arrays, BATCH_SIZE: np.array(self._rows["training"]), OBJECTS: np.array(self._objects)}

    def _load_optimizer_state(self, arrays: Arrays) -> None:
        arrays = dict(arrays)
        self._rows["training"] = arrays.pop(BATCH_SIZE).item()
        self._objects = arrays.pop(OBJECTS, np.array(0)).item()
        if arrays:
            shapes = jax.eval_shape(self._optimizer.init, self._trained)
            self._state = state_from_arrays(shapes, arrays)


def _in_single_precision(output: Array) -> Array:
    return output.astype(jnp.float32) if jnp.issubdtype(output.dtype, jnp.floating) else output


def _moved(average: Tensors, tensors: Tensors, step: Array) -> Tensors:
    """An average that has moved by a share of the way to the tensors; whole numbers are copied."""
    return {
        name: value + step * (tensors[name] - value) if jnp.issubdtype(value.dtype, jnp.floating) else tensors[name]
        for name, value in average.items()
    }


def seed_initialisation(seed: int) -> None:
    """Nothing: a Flax module draws its weights from the random_seed its hook is given, and there is no global state."""


make = JaxEngine
