"""A torch module's tensors by name, and which of them train."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vistry.plugin.types import FreezingMap
from vistry.training.engines.freezing import frozen_prefixes, trained_names
from vistry.training.engines.state import Arrays, check_names

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def seed_initialisation(seed: int) -> None:
    """Seed what draws a module's initial weights."""
    torch.manual_seed(seed)


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a module's state, by name."""
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def arrays_of(module: nn.Module) -> Arrays:
    """Return a module's tensors by name."""
    return {name: array_of(value) for name, value in module.state_dict().items()}


def array_of(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """Return a tensor's values; they may share its memory."""
    array: npt.NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array


def load_arrays(module: nn.Module, arrays: Arrays) -> None:
    """Set a module's tensors by name. Raises TrainingError if the names differ."""
    state = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    missing, unexpected = module.load_state_dict(state, strict=False)
    check_names(missing, unexpected)


def parameter_names(module: nn.Module) -> set[str]:
    """Return the names of the tensors that gradients may change."""
    return {name for name, _ in module.named_parameters()}


def decayed_names(module: nn.Module) -> set[str]:
    """Return the names of the weights outside batch norms (docs/reference/behaviour.md, 3.6).

    Biases and free parameters don't decay.
    """
    norms = {name for name, part in module.named_modules() if isinstance(part, BATCH_NORMS)}
    split = {name: name.rpartition(".") for name in parameter_names(module)}
    return {name for name, (owner, _, last) in split.items() if last == "weight" and owner not in norms}


def freeze(module: nn.Module, freezing: FreezingMap, layers: int) -> list[nn.Module]:
    """Stop the first `layers` groups from training; return the batch norms that must keep their statistics.

    Raises HyperparameterError if there are fewer groups, WrongAnswerError if a prefix matches no parameter.
    """
    parameters = parameter_names(module)
    prefixes = frozen_prefixes(freezing, layers, parameters)
    trained = trained_names(parameters, prefixes)
    for name, parameter in module.named_parameters():
        parameter.requires_grad = name in trained
    return batch_norms_under(module, prefixes) if freezing.freeze_batch_norm else []


def batch_norms_under(module: nn.Module, prefixes: tuple[str, ...]) -> list[nn.Module]:
    """Return the batch norms whose names begin with one of the prefixes."""
    return [
        part
        for name, part in module.named_modules()
        if isinstance(part, BATCH_NORMS) and f"{name}.".startswith(prefixes)
    ]
