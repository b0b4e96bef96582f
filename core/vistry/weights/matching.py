"""A state dict held against a model's names and shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np

from vistry.errors import WeightsError

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
"""Tensors by name, as numpy arrays."""

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The shape of each of a model's tensors, by name."""


def match_state_dict(
    tensors: Mapping[str, np.ndarray[Any, Any]],
    shapes: Shapes,
    class_dependent: Callable[[], Collection[str]],
    *,
    origin: str,
) -> tuple[Arrays, list[str]]:
    """Return the tensors that fit a model, and the names of its head's where that has another number of classes.

    Raises WeightsError where anything but the head doesn't fit.

    Args:
        tensors: what is offered, by name.
        shapes: the model's own shapes.
        class_dependent: names the tensors that depend on the number of classes; called only where something differs.
        origin: the file or run that the tensors are from, for the message.
    """
    matching, mismatches = _compare(tensors, shapes)
    replaceable = set(class_dependent()) if any(name in tensors for name in mismatches) else set()
    fresh = [
        name
        for name in mismatches
        if name in replaceable and name in tensors and tensors[name].shape[1:] == shapes[name][1:]
    ]
    _refuse({name: reason for name, reason in mismatches.items() if name not in fresh}, origin)
    return matching, fresh


def match_backbone(
    tensors: Mapping[str, np.ndarray[Any, Any]], shapes: Shapes, prefix: str, *, origin: str
) -> tuple[Arrays, list[str]]:
    """Return the tensors that a model's backbone takes from a classifier, and the names of all other tensors.

    Raises WeightsError where the backbone is not the classifier's.

    Args:
        tensors: the classifier's.
        shapes: the model's own shapes.
        prefix: what stands before the backbone's names in the model.
        origin: the file or run that the tensors are from, for the message.
    """
    backbone = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    matching, mismatches = _compare(tensors, backbone)
    _refuse(mismatches, origin)
    fresh = [name for name in shapes if not name.startswith(prefix)]
    return {prefix + name: value for name, value in matching.items()}, fresh


def _compare(tensors: Mapping[str, np.ndarray[Any, Any]], shapes: Shapes) -> tuple[Arrays, dict[str, str]]:
    """Return the tensors that fit, and why each other one doesn't. Batch norm's counters may be missing."""
    matching, mismatches = {}, {}
    for name, shape in shapes.items():
        if name not in tensors:
            if not name.endswith("num_batches_tracked"):  # torch before 0.4.1 saved none
                mismatches[name] = f"{name} is missing"
        elif tuple(tensors[name].shape) == shape or (tensors[name].size == 1 and shape == ()):
            matching[name] = tensors[name].reshape(shape)
        else:
            mismatches[name] = f"{name} is {tuple(tensors[name].shape)}, the model's is {shape}"
    return matching, mismatches


def _refuse(mismatches: Mapping[str, str], origin: str) -> None:
    """Raise WeightsError if there is a mismatch."""
    if mismatches:
        more = f" and {len(mismatches) - 3} more" if len(mismatches) > 3 else ""
        raise WeightsError(f"{origin} doesn't fit the model: {'; '.join(list(mismatches.values())[:3])}{more}")
