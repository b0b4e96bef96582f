"""What hooks must return: a sentence for each way in which an answer breaks its contract."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vistry.errors import Problem
from vistry.plugin.types import FittedTensors, FreezingMap
from vistry.registry.manifest import KernelSpec, PreprocessingSpec

Arguments = Mapping[str, Any]
Check = Callable[[Any, Arguments], str]

# Where each backend's modules are defined: compared by name, because core imports no tensor library here.
_MODULES = {"torch": ("torch.nn", "Module"), "jax": ("flax.nnx", "Module")}
_INPUT = ("dataset", "eval_transform", "input_size")


def wrong_answer(hook: str, answer: object, arguments: Arguments) -> str:
    """Return how a hook's answer to these arguments breaks its contract, as "returned ...", or "" if it doesn't."""
    return _CHECKS[hook](answer, arguments)


def kind(value: object) -> str:
    """Return what a value is, for a message."""
    return "None" if value is None else type(value).__name__


def _returned(answer: object, wanted: str) -> str:
    return f"returned {kind(answer)}; return {wanted}"


def _module(answer: object, arguments: Arguments) -> str:
    library, name = _MODULES[arguments["backend"]]
    # A module of a library that isn't imported can't be one of its own.
    base = getattr(sys.modules.get(library), name, None)
    if base is not None and isinstance(answer, base):
        return ""
    return _returned(answer, f"a module of {arguments['backend']} ({library}.{name})")


def _torch_module(answer: object, _: Arguments) -> str:
    return _module(answer, {"backend": "torch"})


def _freezing_map(answer: object, _: Arguments) -> str:
    if not isinstance(answer, FreezingMap):
        return _returned(answer, "a vistry.plugin.FreezingMap")
    if all(_are_texts(group) for group in answer.groups) and not isinstance(answer.groups, str):
        return ""
    return "returned a FreezingMap whose groups aren't tuples of texts; write FreezingMap((('conv1.', 'bn1.'),))"


def _rate_factors(answer: object, _: Arguments) -> str:
    if not isinstance(answer, Mapping):
        return _returned(answer, "a dictionary of factors by how names of parameters begin")
    for prefix, factor in answer.items():
        if not isinstance(prefix, str) or not prefix:
            return f"returned the key {prefix!r}; keys are how names of parameters begin"
        if not isinstance(factor, int | float) or not 0 <= factor < math.inf:
            return f"returned the factor {factor!r} for '{prefix}'; a factor is a number of at least 0"
    return ""


def _values_by_name(answer: object, _: Arguments) -> str:
    if not isinstance(answer, Mapping):
        return _returned(answer, "a dictionary of values by name")
    names = [name for name in answer if not isinstance(name, str)]
    return f"returned the key {names[0]!r}; keys are names of hyperparameters" if names else ""


def _resolved(answer: object, arguments: Arguments) -> str:
    if not isinstance(answer, Mapping):
        return _values_by_name(answer, arguments)
    values = arguments["hyperparameters"]
    for name in answer:
        if values.get(name) not in (None, "auto"):
            return f'returned {name}, but {name} = {values[name]} was given; return only unset or "auto" values'
    return _values_by_name(answer, arguments)


def _problems(answer: object, _: Arguments) -> str:
    if not isinstance(answer, list | tuple):
        return _returned(answer, "a list of vistry.plugin.Problem, empty where nothing is wrong")
    for problem in answer:
        if not isinstance(problem, Problem):
            return f"returned a list with {kind(problem)} in it; each must be a vistry.plugin.Problem"
        if problem.severity not in ("error", "warning"):
            return f'returned a problem of the severity "{problem.severity}"; it must be "error" or "warning"'
    return ""


def _function(signature: str) -> Check:
    return lambda answer, _: "" if callable(answer) else _returned(answer, f"a function {signature}")


def _input(answer: object, _: Arguments) -> str:
    missing = [name for name in _INPUT if not callable(getattr(answer, name, None))]
    return f"returned {kind(answer)}, which has no method {missing[0]}; see vistry.plugin.Input" if missing else ""


def _fitted(answer: object, arguments: Arguments) -> str:
    if not isinstance(answer, FittedTensors):
        return _returned(answer, "a vistry.plugin.FittedTensors")
    if not _are_texts(answer.messages):
        return "returned messages that aren't a list of texts; write FittedTensors(tensors, [message])"
    import numpy as np

    state_dict = arguments["state_dict"]
    if wrong := _state_dict(answer.tensors, arguments):
        return wrong
    for name, tensor in answer.tensors.items():
        if name not in state_dict:
            return f"returned a tensor '{name}', which the model doesn't have; take the names of state_dict"
        if tensor.shape != state_dict[name].shape:
            expected = list(state_dict[name].shape)
            return f"returned '{name}' of the shape {list(tensor.shape)}; it must have that of the model, {expected}"
        if not np.isfinite(tensor).all():
            return f"returned '{name}' with values that are not finite; look for a division by 0"
    return ""


def _preprocessing(answer: object, _: Arguments) -> str:
    if not isinstance(answer, PreprocessingSpec):
        return _returned(answer, "a vistry.plugin.PreprocessingSpec")
    values = (*answer.mean, *answer.std)
    if len(answer.mean) == len(answer.std) == 3 and all(map(math.isfinite, values)) and min(answer.std) > 0:
        return ""
    return (
        f"returned the mean {tuple(answer.mean)} and the deviation {tuple(answer.std)}; each needs three numbers, "
        "deviations above 0"
    )


def _state_dict(answer: object, _: Arguments) -> str:
    if not isinstance(answer, Mapping):
        return _returned(answer, "a dictionary of numpy arrays by name")
    import numpy as np

    for name, tensor in answer.items():
        if not isinstance(name, str) or not isinstance(tensor, np.ndarray | np.generic):
            return f"returned {kind(tensor)} under {name!r}; each must be a numpy array under the name of a tensor"
    return ""


def _kernels(answer: object, _: Arguments) -> str:
    if isinstance(answer, list | tuple) and all(isinstance(spec, KernelSpec) for spec in answer):
        return ""
    return _returned(answer, "a list of KernelSpec")


def _are_texts(values: object) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str) and all(isinstance(one, str) for one in values)


_CHECKS: Mapping[str, Check] = {
    "vistry_build_model": _module,
    "vistry_build_feature_maps": _module,
    "vistry_freezing_map": _freezing_map,
    "vistry_rate_factors": _rate_factors,
    "vistry_default_hyperparameters": _values_by_name,
    "vistry_check_hyperparameters": _problems,
    "vistry_resolve_auto": _resolved,
    "vistry_build_loss": _function("loss(model, images, targets)"),
    "vistry_build_postprocess": _function("postprocess(outputs, resize_infos)"),
    "vistry_build_input": _input,
    "vistry_build_exportable": _torch_module,
    "vistry_fit_to_data": _fitted,
    "vistry_preprocessing": _preprocessing,
    "vistry_map_weights": _state_dict,
    "vistry_kernels": _kernels,
}
