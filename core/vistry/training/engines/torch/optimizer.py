"""torch's optimisers, gradient clipping, and the optimiser's state as arrays by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import GradientClipping
from vistry.training.engines.state import Arrays
from vistry.training.engines.torch.module import array_of, decayed_names

_SCALER = "scaler"
_ADAM: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def make_optimizer(module: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """Make the optimiser that the hyperparameters name; its learning rate is set before each update."""
    groups = parameter_groups(module, hyperparameters.weight_decay)
    if hyperparameters.optimizer == "sgd":
        momentum = hyperparameters.momentum
        return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=hyperparameters.nesterov)
    adam = _ADAM[hyperparameters.optimizer]
    betas = (hyperparameters.beta1, hyperparameters.beta2)
    return adam(groups, lr=0.0, betas=betas, amsgrad=hyperparameters.ams_gradient)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the trained parameters as torch's groups: those with weight decay, then those without."""
    decays = decayed_names(module)
    decayed = [parameter for name, parameter in trained_parameters(module) if name in decays]
    others = [parameter for name, parameter in trained_parameters(module) if name not in decays]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


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
            if value is not None:
                arrays[f"{name}.{quantity}"] = array_of(torch.as_tensor(value))
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
                quantity: _tensor(quantity, value, parameter) for quantity, value in of_parameter.items()
            }
    if scaler.is_enabled() and _SCALER in arrays:
        scale, growth = arrays[_SCALER]
        scaler.load_state_dict({**scaler.state_dict(), "scale": float(scale), "_growth_tracker": int(growth)})


def _tensor(quantity: str, value: npt.NDArray[Any], parameter: nn.Parameter) -> torch.Tensor:
    """Put a value where torch keeps it: counts on the host, the rest laid out as the parameter."""
    tensor = torch.from_numpy(value.copy())
    if quantity == "step":
        return tensor
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
