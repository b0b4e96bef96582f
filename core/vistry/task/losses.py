"""The default losses, in the backend that trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import VistryError
from vistry.task.behaviour import Loss

Weights = npt.NDArray[np.float32] | None


def _only_torch(backend: str) -> None:
    if backend != "torch":
        raise VistryError(f"this loss is not written for the backend '{backend}'; its plugin must bring one")


def cross_entropy(backend: str, weights: Weights) -> Loss:
    """Mean cross entropy of logits [N, C] and class indices [N]."""
    _only_torch(backend)
    import torch
    from torch.nn import functional

    table = None if weights is None else torch.from_numpy(weights)

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).float()
        moved = None if table is None else table.to(logits.device)
        return {"cross_entropy": functional.cross_entropy(logits, targets, weight=moved)}

    return loss


def binary_cross_entropy(backend: str, weights: Weights) -> Loss:
    """Mean binary cross entropy of logits [N, C] and targets [N, C] in {0, 1}."""
    _only_torch(backend)
    import torch
    from torch.nn import functional

    table = None if weights is None else torch.from_numpy(weights)

    def loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
        logits = model(images).float()
        moved = None if table is None else table.to(logits.device)
        value = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=moved)
        return {"binary_cross_entropy": value}

    return loss
