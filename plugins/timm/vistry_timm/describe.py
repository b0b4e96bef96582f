"""What the catalogue says about one of timm's networks, from the network itself on the meta device."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from vistry.testing import without_norms

from vistry_timm.freezing import freezing_groups
from vistry_timm.networks import NEEDED_STRIDES, as_feature_maps, build, strides_of

# With which of these a network takes images of other sizes than the one it was made for, tried in this order.
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"strict_img_size": False}, {"dynamic_img_size": True})
SMALL_SIDES = (32, 64, 96, 128, 160, 192)
SIDE = 128  # pixels across an image that maps are tried with; it is 32 more high
CLASSES = 1000
_DRAWING = ("normal_", "uniform_", "erfinv_", "mul_", "add_", "sub_", "clamp_", "fill_", "zero_", "copy_", "div_")


class _WithoutDrawing(TorchFunctionMode):
    """Leaves out the operations that draw initial weights, which have no values on the meta device."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Collection[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__name__", "") in _DRAWING:
            return args[0] if args else kwargs["tensor"]  # torch.nn.init passes it by name
        return function(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Maps:
    """The maps that a network offers detectors, and the options with which it takes images of any multiple of 32."""

    channels: list[int]
    strides: list[int]
    parameters: int
    freeze: list[list[str]]
    options: dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """What a network is: its parameters for 1,000 classes, its layers, the sides that its input may have, its maps."""

    name: str
    family: str
    parameters: int
    freeze: list[list[str]]
    size: int
    is_fixed: bool
    smallest: int
    multiple_of: int
    maps: Maps | None


@dataclass
class Trials:
    """What was tried with one network of a kind and holds for the others of it: sides of the input, options of maps."""

    sides: dict[object, tuple[int, int]] = field(default_factory=dict)
    options: dict[object, dict[str, Any] | None] = field(default_factory=dict)


def on_meta_device(name: str, options: Mapping[str, Any] | None = None) -> Any:
    """Build a network without values. Raises whatever timm raises where it can't be built."""
    with torch.device("meta"), _WithoutDrawing():
        return build(name, CLASSES, options)


def describe(name: str, trials: Trials) -> Facts:
    """Build a network on the meta device and describe it. Raises ValueError where it is no classifier of squares."""
    network = on_meta_device(name)
    stated = network.pretrained_cfg
    channels, height, width = stated["input_size"]
    if height != width or channels != 3:
        raise ValueError(f"its input is {channels} by {height} by {width}, and not a square of three colours")
    family, is_fixed = type(network).__module__.rpartition(".")[2], bool(stated.get("fixed_input_size"))
    kind = (family, type(network).__name__)
    if is_fixed:
        smallest, multiple_of = height, 1
    else:
        trials.sides[kind] = smallest, multiple_of = sides_of(network, height, trials.sides.get(kind))
    shapes = _shapes(network)
    groups = freezing_groups(network)
    return Facts(
        name=name,
        family=family,
        parameters=sum(map(math.prod, shapes.values())),
        freeze=groups,
        size=height,
        is_fixed=is_fixed,
        smallest=smallest,
        multiple_of=multiple_of,
        maps=_maps(network, groups, trials, name if family == "maxxvit" else (*kind, is_fixed)),
    )


def takes(network: nn.Module, side: int) -> bool:
    """Whether a network on the meta device gives logits for two square images of so many pixels across in training."""
    try:
        with torch.device("meta"), torch.no_grad():
            return tuple(network.train()(torch.empty(2, 3, side, side)).shape) == (2, CLASSES)
    except Exception:  # of any kind: a network that doesn't take such images fails somehow
        return False


def sides_of(network: nn.Module, size: int, of_another: tuple[int, int] | None) -> tuple[int, int]:
    """The smallest side that a network takes, and of what sides are multiples, as far as trials tell.

    Few trials tell whether it is as with another network of its kind. Raises ValueError where it takes no image.
    """
    if of_another and _holds_for(network, size, of_another):
        return of_another
    whole = whole_size(size)
    multiple = next((step for step in (1, 2, 4, 8, 16, 32, 64) if takes(network, whole + step)), 0)
    if not multiple:
        if not takes(network, size):
            raise ValueError(f"it gives no logits for images of {size} pixels")
        # Patches of 14 pixels divide no power of two.
        multiple = next((step for step in range(2, 65) if size % step == 0 and takes(network, size + step)), size)
    sides = [side for side in SMALL_SIDES if side % multiple == 0] or [16 * multiple]
    return next((side for side in sides if side < size and takes(network, side)), size), multiple


def _holds_for(network: nn.Module, size: int, sides: tuple[int, int]) -> bool:
    """Whether a network takes images of these sides, and none of the next smaller side or of half the multiple."""
    smallest, multiple = sides
    if size % multiple or size < smallest:
        return False
    smaller = [side for side in SMALL_SIDES if side < smallest and side % multiple == 0][-1:]
    finer = [whole_size(size) + multiple // 2] if multiple > 1 else []
    return all(takes(network, side) for side in (smallest, larger_side(size, multiple))) and not any(
        takes(network, side) for side in (*smaller, *finer)
    )


def whole_size(size: int) -> int:
    """The least multiple of 64 that is no smaller."""
    return math.ceil(size / 64) * 64


def larger_side(size: int, multiple: int) -> int:
    """A side that is larger than a size and of what sides are multiples, and of no more than that."""
    return (math.ceil(whole_size(size) / multiple) + 1) * multiple


def _maps(network: Any, groups: list[list[str]], trials: Trials, kind: object) -> Maps | None:
    strides = strides_of(network)
    if not set(NEEDED_STRIDES) <= set(strides):
        return None
    names = set(_shapes(network))
    name = network.pretrained_cfg["architecture"]
    if kind not in trials.options:
        trials.options[kind] = next((options for options in OPTIONS if _has_maps(name, strides, options)), None)
    options = trials.options[kind]
    if options is None:
        return None
    backbone = as_feature_maps(network if not options else on_meta_device(name, options), strides)
    own = _shapes(backbone)
    if set(own) - names:
        return None
    kept = [[prefix for prefix in group if any(key.startswith(prefix) for key in own)] for group in groups]
    count = sum(map(math.prod, without_norms(own, "").values()))
    return Maps(channels_of(backbone, strides), strides, count, [group for group in kept if group], options)


def _has_maps(name: str, strides: Sequence[int], options: Mapping[str, Any]) -> bool:
    try:
        backbone = as_feature_maps(on_meta_device(name, options), strides)
        return shapes_of_maps(backbone) == expected_shapes(channels_of(backbone, strides), strides)
    except Exception:  # of any kind, as above
        return False


def channels_of(network: Any, strides: Sequence[int]) -> list[int]:
    """The channels of the maps at these strides, as timm states them."""
    from vistry_timm.networks import outputs_of

    channels = {output["reduction"]: output["num_chs"] for output in outputs_of(network)}
    return [channels[stride] for stride in strides]


def shapes_of_maps(backbone: nn.Module) -> list[tuple[int, ...]]:
    """The shape of each map of an image that is not square."""
    with torch.device("meta"), torch.no_grad():
        return [tuple(found.shape) for found in backbone.eval()(torch.empty(1, 3, SIDE + 32, SIDE))]


def expected_shapes(channels: Sequence[int], strides: Sequence[int]) -> list[tuple[int, ...]]:
    """The shapes of such maps with these channels and strides."""
    pairs = zip(channels, strides, strict=True)
    return [(1, count, (SIDE + 32) // stride, SIDE // stride) for count, stride in pairs]


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
