"""YOLOv5 in Flax, with the names, shapes and initial distributions of `vistry_yolov5.torch_model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import (
    BatchNorm,
    Conv,
    Initial,
    InitialValues,
    batched_nms,
    detections_at,
    max_pool,
    uniform_by_fan_in,
)
from vistry.plugin import ImageBatch, Values, score_floor

from vistry_yolov5.architecture import (
    ANCHORS,
    ANCHORS_AT,
    ANCHORS_EACH,
    BATCH_NORM_EPS,
    BATCH_NORM_MOMENTUM,
    HEADS,
    MAX_DETECTIONS,
    NEEDS_TARGETS,
    OBJECTNESS,
    STRIDES,
    Layer,
    check_image_size,
    head_channels,
    layers,
    prior_logits,
    square_side,
)
from vistry_yolov5.flax_loss import by_anchor, detection_loss


class ConvUnit(nnx.Module):
    """A convolution, batch norm and SiLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = 0,
        *,
        random: np.random.Generator,
    ):
        self.conv = Conv(inputs, outputs, kernel, stride=stride, padding=padding, use_bias=False, random=random)
        self.bn = BatchNorm(outputs, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, I] to [N, H / stride, W / stride, O]."""
        return jax.nn.silu(self.bn(self.conv(x)))


class Bottleneck(nnx.Module):
    """1x1 and 3x3 convolutions of equal width, added to their input where there is a shortcut."""

    def __init__(self, channels: int, shortcut: bool, random: np.random.Generator):
        self.cv1 = ConvUnit(channels, channels, random=random)
        self.cv2 = ConvUnit(channels, channels, 3, padding=1, random=random)
        self.shortcut = shortcut

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to the same."""
        out = self.cv2(self.cv1(x))
        return x + out if self.shortcut else out


class C3(nnx.Module):
    """A cross-stage-partial block (Wang et al., CSPNet, 2020): only half of the channels pass the bottlenecks."""

    def __init__(self, inputs: int, outputs: int, repeats: int, shortcut: bool, random: np.random.Generator):
        width = outputs // 2
        self.cv1 = ConvUnit(inputs, width, random=random)
        self.cv2 = ConvUnit(inputs, width, random=random)
        self.cv3 = ConvUnit(2 * width, outputs, random=random)
        self.m = nnx.List([Bottleneck(width, shortcut, random) for _ in range(repeats)])

    def __call__(self, x: Array) -> Array:
        """[N, H, W, I] to [N, H, W, O]."""
        out = self.cv1(x)
        for bottleneck in self.m:
            out = bottleneck(out)
        return self.cv3(jnp.concatenate([out, self.cv2(x)], -1))


class SPPF(nnx.Module):
    """Spatial pyramid pooling (He et al., 2015): one window three times over covers what windows of 5, 9 and 13 do."""

    def __init__(self, inputs: int, outputs: int, kernel: int, random: np.random.Generator):
        width = inputs // 2
        self.cv1 = ConvUnit(inputs, width, random=random)
        self.cv2 = ConvUnit(4 * width, outputs, random=random)
        self.kernel = kernel

    def __call__(self, x: Array) -> Array:
        """[N, H, W, I] to [N, H, W, O]."""
        maps = [self.cv1(x)]
        for _ in range(3):
            maps.append(max_pool(maps[-1], self.kernel, stride=1, padding=self.kernel // 2))
        return self.cv2(jnp.concatenate(maps, -1))


class Upsample(nnx.Module):
    """Repeats each pixel twice along both sides."""

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, 2 H, 2 W, C]."""
        return x.repeat(2, 1).repeat(2, 2)


class Concat(nnx.Module):
    """Concatenates maps of one size along their channels."""

    def __call__(self, *maps: Array) -> Array:
        """Each [N, H, W, C] to [N, H, W, sum of C]."""
        return jnp.concatenate(maps, -1)


class Detect(nnx.Module):
    """A 1x1 convolution for each stride, and the anchors [3, 3, 2] in strides."""

    def __init__(self, channels: tuple[int, ...], num_classes: int, random: np.random.Generator):
        outputs = ANCHORS_EACH * (OBJECTNESS + 1 + num_classes)
        self.m = nnx.List(
            [
                Conv(inputs, outputs, 1, bias=_head_bias(inputs, stride, num_classes), random=random)
                for inputs, stride in zip(channels, STRIDES, strict=True)
            ]
        )
        anchors = np.array(ANCHORS, np.float32) / np.array(STRIDES, np.float32)[:, None, None]
        self.anchors = nnx.Variable(jnp.asarray(anchors))

    def __call__(self, *maps: Array) -> list[Array]:
        """Each [N, h, w, C] to logits [N, h, w, 3 (5 + classes)]."""
        return [convolution(one) for convolution, one in zip(self.m, maps, strict=True)]


def _head_bias(inputs: int, stride: int, num_classes: int) -> Initial:
    """Draw the bias as torch does, and add the logits of an image with few objects."""
    objectness, of_class = prior_logits(stride, num_classes)

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> InitialValues:
        bias = uniform_by_fan_in(inputs)(random, shape).reshape(ANCHORS_EACH, -1)
        bias[:, OBJECTNESS] += objectness
        bias[:, OBJECTNESS + 1 :] += of_class
        return bias.reshape(shape)

    return draw


class YOLOv5(nnx.Module):
    """The network of a size; its tensors are named `model.<layer>.<...>`.

    `score_floor`: only boxes with a higher score are returned. `nms_iou`: a box whose overlap with a better one of its
    class is above this is dropped. `image_size`: the side of the images in pixels, by which the loss weighs
    objectness; images may have any size that is a multiple of 32.
    """

    def __init__(
        self,
        num_classes: int,
        model_size: str = "medium",
        *,
        score_floor: float = 0.01,
        nms_iou: float = 0.5,
        image_size: int = ANCHORS_AT,
        random: np.random.Generator,
    ):
        table = layers(model_size)
        detect = Detect(head_channels(model_size), num_classes, random)
        self.model = nnx.List([*(_part(layer, in_channels, random) for layer, in_channels in table), detect])
        self.inputs = (*(layer.inputs for layer, _ in table), HEADS)
        self.num_classes, self.image_size = num_classes, image_size
        self.score_floor, self.nms_iou = score_floor, nms_iou
        self.deterministic = False  # Flax's eval() sets the attributes of this name

    def __call__(self, images: Array | ImageBatch, targets: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Loss terms of images [N, H, W, 3] in [0, 1] in training, else the best boxes of each image.

        `targets`: `boxes` [N, M, 4] x1, y1, x2, y2 in pixels and `labels` [N, M], -1 where there is no object. The best
        boxes are `boxes` [N, 300, 4], not cut at the border, `scores` [N, 300] and `labels` [N, 300], -1 where there
        are no more.
        """
        pixels = images.pixels if isinstance(images, ImageBatch) else images
        if self.deterministic:
            return self._detections(self.heads(pixels))
        if targets is None:
            raise ValueError(NEEDS_TARGETS)
        heads = self.heads(pixels)
        return detection_loss(heads, targets, self._anchors(), STRIDES, self.num_classes, self.image_size)

    def heads(self, images: Array) -> list[Array]:
        """Images [N, H, W, 3] to logits [N, h, w, 3 * (5 + classes)] of each stride.

        Channel `anchor * (5 + classes) + field`; the fields are x, y, width, height, objectness and the classes.
        """
        _, height, width, _ = images.shape
        check_image_size(height, width)
        outputs: list[Any] = []
        for place, (part, inputs) in enumerate(zip(self.model, self.inputs, strict=True)):
            maps = [outputs[place + index if index < 0 else index] for index in inputs] if outputs else [images]
            outputs.append(part(*maps))
        logits: list[Array] = outputs[-1]
        return logits

    def _anchors(self) -> Array:
        """[3, 3, 2], in units of each stride."""
        return cast(Detect, self.model[-1]).anchors[...]

    def _detections(self, heads: Sequence[Array]) -> dict[str, Array]:
        """Return the best boxes of each image, each with its best class, after non-maximum suppression."""
        levels = zip(heads, self._anchors(), STRIDES, strict=True)
        parts = [decoded(head, sizes * stride, stride, self.num_classes) for head, sizes, stride in levels]
        boxes, scores, labels = (jnp.concatenate(part, 1) for part in zip(*parts, strict=True))
        best = batched_nms(boxes, scores, labels, self.score_floor, self.nms_iou, MAX_DETECTIONS)
        return detections_at(best, boxes, scores, labels)


def decoded(head: Array, anchors: Array, stride: int, num_classes: int) -> tuple[Array, Array, Array]:
    """Boxes, scores and labels of every anchor in every cell, by anchor, then row, then column.

    head [N, h, w, 3 * (5 + classes)] of logits; anchors [3, 2], widths and heights in pixels. Boxes are [N, 3 h w, 4],
    x1, y1, x2, y2 in pixels of the input; a score [N, 3 h w] is objectness times the probability of the likeliest
    class, the label [N, 3 h w], of equal ones the first.

    x and y are (2 sigmoid(t) - 0.5 + cell) * stride, width and height (2 sigmoid(t)) ** 2 * anchor: YOLOv3's boxes
    (Redmon and Farhadi, 2018, section 2.1) with a centre that reaches half a cell further and sizes that can't explode.
    """
    images, height, width, _ = head.shape
    fields = by_anchor(head, num_classes).reshape(images, -1, OBJECTNESS + 1 + num_classes)
    rows, columns = np.mgrid[:height, :width].reshape(2, -1)
    cells = np.tile(np.stack([columns, rows], 1), (ANCHORS_EACH, 1))
    centre = (2 * jax.nn.sigmoid(fields[..., :2]) - 0.5 + cells) * stride
    size = jnp.square(2 * jax.nn.sigmoid(fields[..., 2:OBJECTNESS])) * anchors.repeat(height * width, 0)
    boxes = jnp.concatenate([centre - size / 2, centre + size / 2], -1)
    classes = fields[..., OBJECTNESS + 1 :]
    scores = jax.nn.sigmoid(fields[..., OBJECTNESS]) * jax.nn.sigmoid(classes.max(-1))
    return boxes, scores, classes.argmax(-1)


def _part(layer: Layer, in_channels: int, random: np.random.Generator) -> nnx.Module:
    if layer.kind == "conv":
        return ConvUnit(in_channels, layer.channels, layer.kernel, layer.stride, layer.padding, random=random)
    if layer.kind == "c3":
        return C3(in_channels, layer.channels, layer.repeats, layer.shortcut, random)
    if layer.kind == "sppf":
        return SPPF(in_channels, layer.channels, layer.kernel, random)
    return Upsample() if layer.kind == "upsample" else Concat()


def build(num_classes: int, hyperparameters: Values) -> YOLOv5:
    """Build the network that the hyperparameters describe, with weights drawn from their random seed."""
    return YOLOv5(
        num_classes,
        hyperparameters["model_size"],
        score_floor=score_floor(hyperparameters["box_score_threshold"]),
        nms_iou=hyperparameters["nms_iou_threshold"],
        image_size=square_side(hyperparameters),
        random=np.random.default_rng(hyperparameters["random_seed"]),
    )
