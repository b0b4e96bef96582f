"""A state dict compared with the names and shapes of a model's tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np

from vistry.errors import WeightsError

Array: TypeAlias = np.ndarray[Any, Any]
"""A tensor of any shape and element type."""

Arrays: TypeAlias = dict[str, Array]
"""Tensors by name, as numpy arrays."""

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The shape of each of a model's tensors, by name."""


def match_state_dict(
    tensors: Mapping[str, Array],
    shapes: Shapes,
    class_dependent: Callable[[], Collection[str]],
    *,
    origin: str,
) -> tuple[Arrays, list[str]]:
    """Return the tensors that fit a model, and the names of those of a head for another number of classes, or of none.

    Raises WeightsError where anything but the head doesn't fit.

    Args:
        tensors: the state dict to load.
        shapes: the shape of each tensor of the model.
        class_dependent: gives the names that depend on the number of classes. To tell them takes a second model, so it
            is called only where something differs.
        origin: the file or run that the tensors come from, for the message.
    """
    matching, mismatches = _compare(tensors, shapes)
    replaceable = set(class_dependent()) if mismatches and matching else set()
    has_head = any(name in tensors for name in replaceable)
    # Classes are the first axis of a head's tensors: what differs in another axis is another model.
    fresh = [
        name
        for name in mismatches
        if name in replaceable and (not has_head or (name in tensors and tensors[name].shape[1:] == shapes[name][1:]))
    ]
    _refuse({name: reason for name, reason in mismatches.items() if name not in fresh}, origin)
    return matching, fresh


def match_backbone(
    tensors: Mapping[str, Array], shapes: Shapes, prefix: str, *, origin: str
) -> tuple[Arrays, list[str]]:
    """Return the tensors of a classifier that are a model's backbone, and the names of the model's other tensors.

    Raises WeightsError where the backbone doesn't fit.

    Args:
        tensors: the state dict of the classifier.
        shapes: the shape of each tensor of the model.
        prefix: the prefix of the backbone's names in the model.
        origin: the file or run that the tensors come from, for the message.
    """
    backbone = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    matching, mismatches = _compare(tensors, backbone)
    _refuse(mismatches, origin)
    fresh = [name for name in shapes if not name.startswith(prefix)]
    return {prefix + name: value for name, value in matching.items()}, fresh


def _compare(tensors: Mapping[str, Array], shapes: Shapes) -> tuple[Arrays, dict[str, str]]:
    """Return the tensors that fit, and by name why another one doesn't. Batch norm's counters may be missing."""
    matching, mismatches = {}, {}
    for name, shape in shapes.items():
        if name not in tensors:
            if not name.endswith("num_batches_tracked"):  # torch before 0.4.1 had none
                mismatches[name] = f"{name} is missing"
        # Some files have a scalar, such as the counter above, as one element of shape [1].
        elif tuple(tensors[name].shape) == shape or (tensors[name].size == 1 and shape == ()):
            matching[name] = tensors[name].reshape(shape)
        else:
            mismatches[name] = f"{name} has shape {tuple(tensors[name].shape)}, expected {shape}"
    return matching, mismatches


def _refuse(mismatches: Mapping[str, str], origin: str) -> None:
    """Raise WeightsError if there is a mismatch."""
    if mismatches:
        more = f" and {len(mismatches) - 3} more" if len(mismatches) > 3 else ""
        raise WeightsError(f"{origin} doesn't fit the model: {'; '.join(list(mismatches.values())[:3])}{more}")
