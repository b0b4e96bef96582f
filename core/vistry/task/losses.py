"""The losses of classification in both backends, and their class weights (docs/reference/behaviour.md, 3.10)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.plugin.types import Loss, Module, Tensor, TrainingData

ClassWeights = npt.NDArray[np.float32]

# The hosted product divides without a remainder, so its "more than twice" begins at three times.
IMBALANCE = 3


def multiclass_weights(weighted_loss: int, data: TrainingData) -> ClassWeights | None:
    """Return [C] (1 / count) ** (weighted_loss / 2), or None where no weights apply."""
    if not weighted_loss or not is_imbalanced(data):
        return None
    counts = np.asarray(data.class_counts, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return _power(1 / counts, weighted_loss)


def multilabel_weights(weighted_loss: int, data: TrainingData) -> ClassWeights | None:
    """Return [C] ((images - count) / count) ** (weighted_loss / 2), or None where no weights apply."""
    if not weighted_loss or not is_imbalanced(data):
        return None
    counts = np.asarray(data.class_counts, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return _power((data.images - counts) / counts, weighted_loss)


def is_imbalanced(data: TrainingData) -> bool:
    """Tell whether the largest class has at least three times as many images as the smallest."""
    counts = data.class_counts
    return max(counts) // max(1, min(counts)) >= IMBALANCE


def _power(weights: npt.NDArray[np.float64], exponent: int) -> ClassWeights:
    # A class without images has an infinite weight here, and no image to apply it to.
    finite = np.where(np.isfinite(weights), weights, 0.0)
    return (np.sqrt(finite) ** exponent).astype(np.float32)


def cross_entropy(backend: str, weights: ClassWeights | None) -> Loss:
    """Build the mean cross entropy of logits [N, C] and class indices [N], weighted by class."""
    return {"torch": _torch_cross_entropy, "jax": _jax_cross_entropy}[backend](weights)


def binary_cross_entropy(backend: str, weights: ClassWeights | None) -> Loss:
    """Build the mean binary cross entropy of logits [N, C] and targets [N, C] in {0, 1}.

    The term of a positive target is multiplied by its class's weight.
    """
    return {"torch": _torch_binary_cross_entropy, "jax": _jax_binary_cross_entropy}[backend](weights)


def _torch_cross_entropy(weights: ClassWeights | None) -> Loss:
    import torch
    from torch.nn import functional

    weight = None if weights is None else torch.from_numpy(weights)

    def loss(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        # Under mixed precision logits may be bfloat16, whose 8 bits are too few for a logarithm.
        logits = model(images).float()
        on_device = None if weight is None else weight.to(logits.device)
        return {"cross_entropy": functional.cross_entropy(logits, targets, weight=on_device)}

    return loss


def _jax_cross_entropy(weights: ClassWeights | None) -> Loss:
    import jax
    import jax.numpy as jnp

    def loss(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        logits = model(images).astype(jnp.float32)
        log_likelihood = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[:, None], axis=1)[:, 0]
        row_weights = _valid_rows(logits)
        if weights is not None:
            row_weights = row_weights * jnp.asarray(weights)[targets]
        # torch's weighted mean divides by the sum of the weights as well.
        return {"cross_entropy": -(log_likelihood * row_weights).sum() / row_weights.sum()}

    return loss


def _torch_binary_cross_entropy(weights: ClassWeights | None) -> Loss:
    import torch
    from torch.nn import functional

    positive_weight = None if weights is None else torch.from_numpy(weights)

    def loss(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        logits = model(images).float()
        on_device = None if positive_weight is None else positive_weight.to(logits.device)
        value = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=on_device)
        return {"binary_cross_entropy": value}

    return loss


def _jax_binary_cross_entropy(weights: ClassWeights | None) -> Loss:
    import jax
    import jax.numpy as jnp

    positive_weight = 1.0 if weights is None else weights

    def loss(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        logits = model(images).astype(jnp.float32)
        positive = positive_weight * targets * jax.nn.log_sigmoid(logits)
        negative = (1 - targets) * jax.nn.log_sigmoid(-logits)
        valid = _valid_rows(logits)
        return {"binary_cross_entropy": -((positive + negative).mean(axis=1) * valid).sum() / valid.sum()}

    return loss


def _valid_rows(logits: Tensor) -> Tensor:
    """Return [N] float32: 1 for an image, 0 for a row that pads the batch to a size already compiled."""
    import jax.numpy as jnp

    from vistry.flax_layers import current_valid_rows

    mask = current_valid_rows()
    return jnp.ones(len(logits)) if mask is None else mask
