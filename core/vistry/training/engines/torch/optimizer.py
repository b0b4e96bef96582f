"""torch's optimisers, gradient clipping, and the optimiser's state as arrays by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import GradientClipping
from vistry.registry.part_code import broken, guarded, load_code
from vistry.registry.part_specs import OptimizerSpec
from vistry.registry.parts import Part
from vistry.training.engines.rate_factors import rate_factors
from vistry.training.engines.state import Arrays
from vistry.training.engines.torch.module import array_of, decayed_names, parameter_names

ParameterGroups = list[dict[str, Any]]

RATE_FACTOR = "rate_factor"
"""Of a group of parameters: what its learning rate is multiplied by."""

_SCALER = "scaler"
_NUMBER = ":number"  # after the quantity where it is a number of Python, whose arithmetic a tensor doesn't have


def make_optimizer(
    module: nn.Module,
    hyperparameters: Hyperparameters,
    part: Part[OptimizerSpec],
    factors: Mapping[str, float] | None = None,
) -> torch.optim.Optimizer:
    """Make an optimiser; the learning rate is set before each update.

    `factors`: what it is multiplied by for parameters, by how their names begin. Raises BrokenPluginError.
    """
    build = load_code(part, part.spec.torch)
    groups = parameter_groups(module, hyperparameters.weight_decay, factors)
    with guarded(part):
        optimizer = build(groups, hyperparameters)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise broken(part, f"{part.spec.torch} must return a torch.optim.Optimizer, got {type(optimizer).__name__}")
    return optimizer


def sgd(groups: ParameterGroups, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """Make torch's SGD."""
    return torch.optim.SGD(groups, lr=0.0, momentum=hyperparameters.momentum, nesterov=hyperparameters.nesterov)


def adam(groups: ParameterGroups, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """Make torch's Adam."""
    betas = (hyperparameters.beta1, hyperparameters.beta2)
    return torch.optim.Adam(groups, lr=0.0, betas=betas, amsgrad=hyperparameters.ams_gradient)


def adamw(groups: ParameterGroups, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """Make torch's AdamW."""
    betas = (hyperparameters.beta1, hyperparameters.beta2)
    return torch.optim.AdamW(groups, lr=0.0, betas=betas, amsgrad=hyperparameters.ams_gradient)


def parameter_groups(
    module: nn.Module, weight_decay: float, factors: Mapping[str, float] | None = None
) -> ParameterGroups:
    """Return the trained parameters as torch's groups: those with weight decay, then those without.

    Each is parted by the factors on the learning rate, which stand in a group's `rate_factor`.
    """
    decays, rates = decayed_names(module), rate_factors(factors or {}, parameter_names(module))
    groups: dict[tuple[bool, float], dict[str, Any]] = {}
    for name, parameter in trained_parameters(module):
        decay = weight_decay if name in decays else 0.0
        key = name not in decays, rates[name]
        group = groups.setdefault(key, {"params": [], "weight_decay": decay, RATE_FACTOR: rates[name]})
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the learning rate of each group of parameters: the given one times the group's factor."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get(RATE_FACTOR, 1.0)


def trained_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters that train, with their names."""
    return ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)


def clip_gradients(module: nn.Module, clipping: GradientClipping) -> None:
    """Limit the gradients: by the norm of all together, or each number."""
    parameters = [parameter for parameter in module.parameters() if parameter.grad is not None]
    if clipping.by == "norm":
        nn.utils.clip_grad_norm_(parameters, clipping.at)
    else:
        nn.utils.clip_grad_value_(parameters, clipping.at)


def state_arrays(optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, module: nn.Module) -> Arrays:
    """Return the optimiser's tensors as `parameter.quantity`, and the scale of fp16's gradients."""
    arrays = {}
    for name, parameter in trained_parameters(module):
        for quantity, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor):
                arrays[f"{name}.{quantity}"] = array_of(value)
            elif value is not None:
                arrays[f"{name}.{quantity}{_NUMBER}"] = np.array(value)
    if scaler.is_enabled():
        arrays[_SCALER] = np.array([scaler.get_scale(), scaler._get_growth_tracker()])
    return arrays


def load_state_arrays(
    optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, module: nn.Module, arrays: Arrays
) -> None:
    """Set what `state_arrays` returned."""
    for name, parameter in trained_parameters(module):
        of_parameter = {
            key.removeprefix(f"{name}."): value for key, value in arrays.items() if key.rpartition(".")[0] == name
        }
        if of_parameter:
            optimizer.state[parameter] = {
                quantity.removesuffix(_NUMBER): _restored(quantity, value, parameter)
                for quantity, value in of_parameter.items()
            }
    if scaler.is_enabled() and _SCALER in arrays:
        scale, growth = arrays[_SCALER]
        scaler.load_state_dict({**scaler.state_dict(), "scale": float(scale), "_growth_tracker": int(growth)})


def _restored(quantity: str, value: npt.NDArray[Any], parameter: nn.Parameter) -> torch.Tensor | float:
    """Put a value where torch keeps it: counts on the host, what has the parameter's shape laid out as it is."""
    if quantity.endswith(_NUMBER):
        number: float = value.item()
        return number
    tensor = torch.from_numpy(value.copy())
    if quantity == "step":
        return tensor
    if tensor.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
    return tensor.to(parameter.device)
