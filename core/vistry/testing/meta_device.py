"""A model without its numbers: built where nothing is computed, to be asked for names and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vistry.training.engines import engine_module

Shapes = dict[str, tuple[int, ...]]


def on_meta_device(backend: str, build: Callable[[], Any]) -> Any:
    """Build a module whose tensors have shapes and no values."""
    return engine_module(backend).on_meta_device(build)


def parameters_of(backend: str, module: Any) -> Shapes:
    """Return the shape of each of a module's parameters; running statistics are not among them."""
    engine = engine_module(backend)
    names = engine.parameter_names(module)
    return {name: shape for name, shape in engine.shapes_of(module).items() if name in names}


def map_shapes(module: Any, side: int) -> list[tuple[int, int]]:
    """Channels and height of each map that a torch module on the meta device makes of a square image."""
    import torch

    with torch.device("meta"), torch.no_grad():
        return [(int(one.shape[1]), int(one.shape[2])) for one in module.eval()(torch.empty(1, 3, side, side))]


def without_norms(parameters: Shapes, prefix: str) -> Shapes:
    """The parameters but for those of norms under a prefix, whose weight is a vector as no other layer's is."""
    norms = {
        name.removesuffix("weight")
        for name, shape in parameters.items()
        if name.startswith(prefix) and name.endswith(".weight") and len(shape) == 1
    }
    return {name: shape for name, shape in parameters.items() if name.rpartition(".")[0] + "." not in norms}


def materialised(backend: str, module: Any) -> list[str]:
    """The parameters of a module that was to have none, and that hold numbers all the same."""
    if backend != "torch":
        return []
    return [name for name, value in module.named_parameters() if value.device.type != "meta"]


def output_shape(backend: str, build: Callable[[], Any], side: int) -> tuple[int, ...]:
    """Return the shape of a module's output for two square images; nothing is computed."""
    return engine_module(backend).output_shape(build, (2, side, side, 3))
