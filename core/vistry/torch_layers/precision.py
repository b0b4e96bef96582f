"""The precision that parts of a network compute in, where a run computes in bfloat16 or float16.

A detector computes in float32, because bfloat16 has no odd numbers above 256 and boxes are made of such numbers. Within
it, the parts that an author marks compute in the precision of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import wraps
from types import MethodType
from typing import Any, Literal

import torch
from torch import Tensor, nn

Precision = Literal["low", "single"]
Method = Callable[..., Any]

_LOWER: ContextVar[torch.dtype | None] = ContextVar("lower precision", default=None)
"""What the parts in low precision compute in while their surroundings compute in float32; None outside of those."""

_MARKS = "_precisions"  # of a module: methods with the precision that each was made to compute in, in that order
# The formats in which not every pixel of a picture's side has a number.
_HALVES = (torch.bfloat16, torch.float16)


def with_single_precision(module: nn.Module) -> nn.Module:
    """Make a module compute in float32 under any autocast, but for its parts with low precision; return the module.

    Under an autocast, its inputs and results in bfloat16 or float16 become float32. Core does so with every detector.
    """
    return _marked(module, "forward", "single")


def with_low_precision(module: nn.Module, method: str = "forward") -> nn.Module:
    """Make a part of a detector compute in the precision of the run, as torch.autocast does; return the part.

    Its results are float32, as is what surrounds it. In a run in fp32 nothing changes. `method`: the method that
    computes so, where it isn't the whole part. Core does so with the backbone of a composed model.
    """
    return _marked(module, method, "low")


@contextmanager
def single_precision(device: str) -> Iterator[None]:
    """Compute in float32 on a type of device, and the parts with low precision in that of the autocast in force."""
    if not _autocasts(device):
        yield
        return
    token = _LOWER.set(torch.get_autocast_dtype(device))
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        _LOWER.reset(token)


def is_in_single_precision(module: nn.Module) -> bool:
    """Tell whether a module as a whole computes in float32."""
    return ("forward", "single") in _marks(module)


def has_low_precision(module: nn.Module) -> bool:
    """Tell whether some part of a module computes in the precision of the run."""
    return any(precision == "low" for part in module.modules() for _, precision in _marks(part))


def copy_precision(source: nn.Module, rewritten: nn.Module) -> nn.Module:
    """Mark a module that was rewritten by torch.fx, which sees no marks, as its source is; return it.

    Raises ValueError where parts of the source are marked that may be gone.
    """
    if any(_marks(part) for part in source.modules() if part is not source) or set(dict(_marks(source))) - {"forward"}:
        raise ValueError(f"parts of {type(source).__name__} have a precision of their own")
    for method, precision in _marks(source):
        _marked(rewritten, method, precision)
    return rewritten


def _marks(module: nn.Module) -> tuple[tuple[str, Precision], ...]:
    marks: tuple[tuple[str, Precision], ...] = vars(module).get(_MARKS, ())
    return marks


def _marked(module: nn.Module, method: str, precision: Precision) -> nn.Module:
    """Exchange a method for one that computes in a precision, unless it has been; return the module."""
    if (method, precision) in _marks(module):
        return module
    computing = {"low": _in_low_precision, "single": _in_single_precision}[precision]
    # Bound, so that a copy of the module has a method of its own.
    setattr(module, method, MethodType(computing(getattr(module, method).__func__), module))
    setattr(module, _MARKS, (*_marks(module), (method, precision)))
    return module


def _in_single_precision(method: Method) -> Method:
    @wraps(method)
    def computed(module: nn.Module, *inputs: Any, **named: Any) -> Any:
        device = _device_of(inputs, named)
        if _autocasts(device):
            with single_precision(device):
                return _to_single(method(module, *_to_single(inputs), **_to_single(named)))
        results = method(module, *inputs, **named)
        return results if _LOWER.get() is None else _to_single(results)

    return computed


def _in_low_precision(method: Method) -> Method:
    @wraps(method)
    def computed(module: nn.Module, *inputs: Any, **named: Any) -> Any:
        device, lower = _device_of(inputs, named), _LOWER.get()
        if lower is None or _autocasts(device):
            return method(module, *inputs, **named)
        with torch.autocast(device, dtype=lower):
            results = method(module, *inputs, **named)
        return _to_single(results)

    return computed


def _autocasts(device: str) -> bool:
    return device != "meta" and torch.is_autocast_enabled(device)


def _device_of(inputs: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Return the type of device of the first tensor among inputs."""
    return next((tensor.device.type for tensor in _tensors((*inputs, named))), "cpu")


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _to_single(value: Any) -> Any:
    """Return a value in which every tensor in bfloat16 or float16, within containers too, is one in float32."""
    if isinstance(value, Tensor):
        return value.float() if value.dtype in _HALVES else value
    if isinstance(value, dict):
        converted = copy(value)
        converted.update((key, _to_single(one)) for key, one in value.items())
        return converted
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_to_single, value))
    if isinstance(value, list | tuple):
        return type(value)([_to_single(one) for one in value])
    return value
