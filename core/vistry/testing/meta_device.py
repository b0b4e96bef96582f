"""Models on the meta device: names and shapes of their tensors, without values."""

from __future__ import annotations

from collections.abc import Callable

from vistry.plugin.types import Module
from vistry.training.engines import engine_module

Shapes = dict[str, tuple[int, ...]]


def on_meta_device(backend: str, build: Callable[[], Module]) -> Module:
    """Build a module whose tensors have shapes and no values."""
    return engine_module(backend).on_meta_device(build)


def parameters_of(backend: str, module: Module) -> Shapes:
    """Return the shape of each of a module's parameters; running statistics are not among them."""
    engine = engine_module(backend)
    names = engine.parameter_names(module)
    return {name: shape for name, shape in engine.shapes_of(module).items() if name in names}


def map_shapes(module: Module, side: int) -> list[tuple[int, int]]:
    """Return channels and height of each feature map of a square image, by a torch module on the meta device."""
    import torch

    with torch.device("meta"), torch.no_grad():
        maps = module.eval()(torch.empty(1, 3, side, side))
    return [(int(feature_map.shape[1]), int(feature_map.shape[2])) for feature_map in maps]


def without_norms(parameters: Shapes, prefix: str) -> Shapes:
    """Return the parameters without those of norms under a prefix: layers whose weight is a vector."""
    norms = {
        name.removesuffix("weight")
        for name, shape in parameters.items()
        if name.startswith(prefix) and name.endswith(".weight") and len(shape) == 1
    }
    return {name: shape for name, shape in parameters.items() if name.rpartition(".")[0] + "." not in norms}


def materialised(backend: str, module: Module) -> list[str]:
    """Return the parameters of a module built on the meta device that have values all the same."""
    if backend != "torch":
        return []  # JAX traces the builder, so there are no values
    return [name for name, value in module.named_parameters() if value.device.type != "meta"]


def output_shape(backend: str, build: Callable[[], Module], side: int) -> tuple[int, ...]:
    """Return the shape of a module's output for two square images; nothing is computed."""
    return engine_module(backend).output_shape(build, (2, side, side, 3))
