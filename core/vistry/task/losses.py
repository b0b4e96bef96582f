"""The default losses, in the backend that trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.plugin.types import Loss

Weights = npt.NDArray[np.float32] | None


def cross_entropy(backend: str, weights: Weights) -> Loss:
    """Mean cross entropy of logits [N, C] and class indices [N], weighted by class."""
    return {"torch": _cross_entropy_in_torch, "jax": _cross_entropy_in_jax}[backend](weights)


def binary_cross_entropy(backend: str, weights: Weights) -> Loss:
    """Mean binary cross entropy of logits [N, C] and targets [N, C] in {0, 1}, positives weighted by class."""
    return {"torch": _binary_cross_entropy_in_torch, "jax": _binary_cross_entropy_in_jax}[backend](weights)


def _cross_entropy_in_torch(weights: Weights) -> Loss:
    import torch
    from torch.nn import functional

    table = None if weights is None else torch.from_numpy(weights)

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).float()
        moved = None if table is None else table.to(logits.device)
        return {"cross_entropy": functional.cross_entropy(logits, targets, weight=moved)}

    return loss


def _cross_entropy_in_jax(weights: Weights) -> Loss:
    import jax
    import jax.numpy as jnp

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).astype(jnp.float32)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[:, None], axis=1)[:, 0]
        counted = _rows_that_count(logits)
        if weights is not None:
            counted = counted * jnp.asarray(weights)[targets]
        return {"cross_entropy": -(chosen * counted).sum() / counted.sum()}

    return loss


def _binary_cross_entropy_in_torch(weights: Weights) -> Loss:
    import torch
    from torch.nn import functional

    table = None if weights is None else torch.from_numpy(weights)

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).float()
        moved = None if table is None else table.to(logits.device)
        value = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=moved)
        return {"binary_cross_entropy": value}

    return loss


def _binary_cross_entropy_in_jax(weights: Weights) -> Loss:
    import jax
    import jax.numpy as jnp

    positives = 1.0 if weights is None else weights

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).astype(jnp.float32)
        present = positives * targets * jax.nn.log_sigmoid(logits)
        absent = (1 - targets) * jax.nn.log_sigmoid(-logits)
        counted = _rows_that_count(logits)
        return {"binary_cross_entropy": -((present + absent).mean(axis=1) * counted).sum() / counted.sum()}

    return loss


def _rows_that_count(logits: Any) -> Any:
    """[N] float32: 1 for each real row of a batch that may be padded."""
    import jax.numpy as jnp

    from vistry.flax_layers import current_valid_rows

    mask = current_valid_rows()
    return jnp.ones(len(logits)) if mask is None else mask
