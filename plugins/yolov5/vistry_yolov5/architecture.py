"""The layers of YOLOv5 in releases 6.0 to 7.0, as a table: no tensor library.

A cross-stage-partial backbone (Wang et al., CSPNet, 2020), pooling over several windows (He et al., 2015), and a path
aggregation neck (Liu et al., PANet, 2018), with three anchor-based heads (Redmon and Farhadi, YOLOv3, 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vistry.plugin import Values

STRIDES = (8, 16, 32)
LARGEST_STRIDE = 32
ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
"""Widths and heights in pixels of an image of 640, three for each stride."""
ANCHORS_AT = 640
ANCHORS_EACH = 3
OBJECTNESS = 4
"""Where a cell's fields have the objectness: after x, y, width and height, before the classes."""
MAX_DETECTIONS = 300
HEADS = (17, 20, 23)
"""The layers whose maps the heads are given, from fine to coarse."""
NEEDS_TARGETS = "YOLOv5 in training needs targets: call it with targets, or call eval() first"
BATCH_NORM_EPS, BATCH_NORM_MOMENTUM = 1e-3, 0.03

# Depth and width multiples by `model_size`.
SIZES = {
    "small": (0.33, 0.50),
    "medium": (0.67, 0.75),
    "large": (1.0, 1.0),
    "extra_large": (1.33, 1.25),
}


@dataclass(frozen=True)
class Layer:
    """One layer: its inputs (-1 is the layer before), kind, channels out, and what its kind needs.

    Kinds: `conv` (kernel, stride, padding), `c3` (repeats, shortcut), `sppf`, `upsample`, `concat`.
    """

    kind: str
    channels: int = 0
    inputs: tuple[int, ...] = (-1,)
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    repeats: int = 1
    shortcut: bool = True


_TABLE = (
    Layer("conv", 64, kernel=6, stride=2, padding=2),
    Layer("conv", 128, kernel=3, stride=2, padding=1),
    Layer("c3", 128, repeats=3),
    Layer("conv", 256, kernel=3, stride=2, padding=1),
    Layer("c3", 256, repeats=6),
    Layer("conv", 512, kernel=3, stride=2, padding=1),
    Layer("c3", 512, repeats=9),
    Layer("conv", 1024, kernel=3, stride=2, padding=1),
    Layer("c3", 1024, repeats=3),
    Layer("sppf", 1024, kernel=5),
    Layer("conv", 512),
    Layer("upsample"),
    Layer("concat", inputs=(-1, 6)),
    Layer("c3", 512, repeats=3, shortcut=False),
    Layer("conv", 256),
    Layer("upsample"),
    Layer("concat", inputs=(-1, 4)),
    Layer("c3", 256, repeats=3, shortcut=False),
    Layer("conv", 256, kernel=3, stride=2, padding=1),
    Layer("concat", inputs=(-1, 14)),
    Layer("c3", 512, repeats=3, shortcut=False),
    Layer("conv", 512, kernel=3, stride=2, padding=1),
    Layer("concat", inputs=(-1, 10)),
    Layer("c3", 1024, repeats=3, shortcut=False),
)


def layers(model_size: str) -> tuple[tuple[Layer, int], ...]:
    """Return each layer of a size with its input channels; the heads follow as layer 24."""
    depth, width = SIZES[model_size]
    scaled: list[tuple[Layer, int]] = []
    outputs: list[int] = []  # channels of each layer
    for place, row in enumerate(_TABLE):
        in_channels = sum((outputs[place + index if index < 0 else index] if outputs else 3) for index in row.inputs)
        channels = _rounded_up(row.channels * width) if row.channels else in_channels
        repeats = max(round(row.repeats * depth), 1) if row.kind == "c3" else 1
        scaled.append((_scaled(row, channels, repeats), in_channels))
        outputs.append(channels)
    return tuple(scaled)


def prior_logits(stride: int, num_classes: int) -> tuple[float, float]:
    """Return the logits of objectness and of a class that the first scores of a head begin with.

    They are those of about 8 objects in an image of 640 (Lin et al., 2017, section 4.1).
    """
    # 0.99999 in place of 1 keeps the class's logit finite for a single class.
    return math.log(8 / (ANCHORS_AT / stride) ** 2), math.log(0.6 / (num_classes - 0.99999))


def check_image_size(height: int, width: int) -> None:
    """Raise ValueError if a batch's height or width isn't a multiple of the largest stride."""
    if height % LARGEST_STRIDE or width % LARGEST_STRIDE:
        raise ValueError(
            f"invalid image size: expected a height and width that are multiples of {LARGEST_STRIDE}, "
            f"got {height} x {width}; pad or resize the images"
        )


def head_channels(model_size: str) -> tuple[int, ...]:
    """Return the channels of the maps that the three heads are given."""
    table = layers(model_size)
    return tuple(table[place][0].channels for place in HEADS)


def square_side(hyperparameters: Values) -> int:
    """Return `image_size`, rounded up to a multiple of the largest stride."""
    size: int = hyperparameters["image_size"]
    return -(-size // LARGEST_STRIDE) * LARGEST_STRIDE


def _scaled(row: Layer, channels: int, repeats: int) -> Layer:
    return Layer(row.kind, channels, row.inputs, row.kernel, row.stride, row.padding, repeats, row.shortcut)


def _rounded_up(channels: float, multiple: int = 8) -> int:
    return int(-(-channels // multiple) * multiple)
