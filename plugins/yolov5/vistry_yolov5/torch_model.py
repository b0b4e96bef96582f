"""YOLOv5 as a torch module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from vistry.kernels import operation
from vistry.plugin import ImageBatch, Values, score_floor
from vistry.plugin.detection import Letterbox
from vistry.torch_layers import detections_at, exportable_nms, padded_detections, with_low_precision

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
from vistry_yolov5.letterbox import GREY
from vistry_yolov5.loss import detection_loss


class Conv(nn.Module):
    """A convolution, batch norm and SiLU."""

    def __init__(self, in_channels: int, channels: int, kernel: int = 1, stride: int = 1, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, BATCH_NORM_EPS, BATCH_NORM_MOMENTUM)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_channels, H, W] to [N, channels, H / stride, W / stride]."""
        x = self.conv(x)
        if self.bn.training and x.numel() == x.shape[1]:
            x = self._norm_of_one_value(x)
        else:
            x = self.bn(x)
        result: Tensor = self.act(x)
        return result

    def _norm_of_one_value(self, x: Tensor) -> Tensor:
        """Normalise [1, channels, 1, 1], which torch's batch norm refuses; two equal values have the same mean."""
        result: Tensor = self.bn(x.expand(2, -1, -1, -1))[:1]
        return result


class Bottleneck(nn.Module):
    """1x1 and 3x3 convolutions of equal width, added to their input where there is a shortcut."""

    def __init__(self, channels: int, shortcut: bool):
        super().__init__()
        self.cv1 = Conv(channels, channels)
        self.cv2 = Conv(channels, channels, kernel=3, padding=1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to the same."""
        result: Tensor = self.cv2(self.cv1(x))
        return x + result if self.shortcut else result


class C3(nn.Module):
    """A cross-stage-partial block (Wang et al., CSPNet, 2020): only half of the channels pass the bottlenecks."""

    def __init__(self, in_channels: int, channels: int, repeats: int, shortcut: bool):
        super().__init__()
        half = channels // 2
        self.cv1 = Conv(in_channels, half)
        self.cv2 = Conv(in_channels, half)
        self.cv3 = Conv(2 * half, channels)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(repeats)))

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_channels, H, W] to [N, channels, H, W]."""
        result: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))
        return result


class SPPF(nn.Module):
    """Spatial pyramid pooling (He et al., 2015): one window three times over covers what windows of 5, 9 and 13 do."""

    def __init__(self, in_channels: int, channels: int, kernel: int):
        super().__init__()
        half = in_channels // 2
        self.cv1 = Conv(in_channels, half)
        self.cv2 = Conv(4 * half, channels)
        self.pool = nn.MaxPool2d(kernel, stride=1, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_channels, H, W] to [N, channels, H, W]."""
        whole = self.cv1(x)
        once = self.pool(whole)
        twice = self.pool(once)
        result: Tensor = self.cv2(torch.cat((whole, once, twice, self.pool(twice)), dim=1))
        return result


class Concat(nn.Module):
    """Concatenates maps of one size along their channels."""

    def forward(self, *maps: Tensor) -> Tensor:
        """[N, C1, H, W], [N, C2, H, W], ... to [N, C1 + C2 + ..., H, W]."""
        return torch.cat(maps, dim=1)


class Detect(nn.Module):
    """The three heads: for each cell and anchor x, y, width, height, objectness and a logit for each class.

    `anchors`: [3, 3, 2], for each stride the widths and heights of three anchors, in units of that stride.
    """

    anchors: Tensor

    def __init__(self, num_classes: int, channels: Sequence[int]):
        super().__init__()
        fields = OBJECTNESS + 1 + num_classes
        self.m = nn.ModuleList(nn.Conv2d(in_channels, ANCHORS_EACH * fields, 1) for in_channels in channels)
        pixels = torch.tensor(ANCHORS, dtype=torch.float32)
        self.register_buffer("anchors", pixels / torch.tensor(STRIDES).view(-1, 1, 1))
        for head, stride in zip(self.m, STRIDES, strict=True):
            _add_priors(cast(nn.Conv2d, head), stride, num_classes)

    def forward(self, *maps: Tensor) -> list[Tensor]:
        """Maps [N, channels, h, w] of each stride to logits [N, 3 * (5 + classes), h, w]."""
        return [head(one) for head, one in zip(self.m, maps, strict=True)]


@torch.no_grad()
def _add_priors(head: nn.Conv2d, stride: int, num_classes: int) -> None:
    """Let the first scores of a head be those of an image with few objects."""
    assert head.bias is not None
    objectness, of_class = prior_logits(stride, num_classes)
    fields = head.bias.view(ANCHORS_EACH, -1)
    fields[:, OBJECTNESS] += objectness
    fields[:, OBJECTNESS + 1 :] += of_class


class YOLOv5(nn.Module):
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
    ):
        super().__init__()
        table = layers(model_size)
        self.model = nn.ModuleList(_part(layer, in_channels) for layer, in_channels in table)
        self.model.append(Detect(num_classes, head_channels(model_size)))
        self._inputs = [*(layer.inputs for layer, _ in table), HEADS]
        self._used_later = {index for inputs in self._inputs for index in inputs if index >= 0}
        self.num_classes, self._image_size = num_classes, image_size
        self.limits = score_floor, nms_iou
        self._decode, self._suppress = operation("decode_head"), operation("batched_nms")
        self._complete_iou = operation("complete_iou")
        with_low_precision(self, "heads")

    def forward(
        self, images: Tensor | ImageBatch, targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Loss terms of images [N, 3, H, W] in [0, 1] in training, else N dictionaries of boxes, scores and labels.

        `boxes`: [K, 4] x1, y1, x2, y2 in pixels of the image as it is given, not cut at its border; K is at most 300.
        """
        heads = self.heads(images.pixels if isinstance(images, ImageBatch) else images)
        if not self.training:
            return self._detections(heads)
        if targets is None:
            raise ValueError(NEEDS_TARGETS)
        return detection_loss(
            heads, targets, self._head.anchors, STRIDES, self.num_classes, self._image_size, self._complete_iou
        )

    def heads(self, images: Tensor) -> list[Tensor]:
        """Images [N, 3, H, W] to logits [N, 3 * (5 + classes), h, w] of each stride.

        Channel `anchor * (5 + classes) + field`; the fields are x, y, width, height, objectness and the classes.
        """
        check_image_size(*images.shape[-2:])
        # Only the maps that a later layer reads again are held, so that the others' memory is free for reuse.
        maps: dict[int, Tensor] = {}
        last: Any = images
        for place, (part, inputs) in enumerate(zip(self.model, self._inputs, strict=True)):
            last = part(*(last if index < 0 else maps[index] for index in inputs))
            if place in self._used_later:
                maps[place] = last
        logits: list[Tensor] = last
        return logits

    @property
    def _head(self) -> Detect:
        return cast(Detect, self.model[-1])

    def _detections(self, heads: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Return the best boxes of each image, each with its best class, after non-maximum suppression."""
        boxes, scores, labels = self.candidates(heads)
        best = self._suppress(boxes, scores, labels, *self.limits, MAX_DETECTIONS)
        return detections_at(best, boxes, scores, labels)

    def candidates(self, heads: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes [N, A, 4], scores [N, A] and labels [N, A], each with its best class, before suppression."""
        levels = zip(heads, self._head.anchors, STRIDES, strict=True)
        decoded = torch.cat([self._decoded(*level) for level in levels], dim=1)
        return decoded[..., :4], decoded[..., 4], decoded[..., 5].long()

    def _decoded(self, logits: Tensor, anchors: Tensor, stride: int) -> Tensor:
        """[N, 3 * h * w, 6] of x1, y1, x2, y2, score and label; all float32, to which the operation casts."""
        decoded: Tensor = self._decode(logits.detach(), anchors * stride, stride, self.limits[0])
        return decoded


class ExportableYOLOv5(nn.Module):
    """A trained network whose tensors have sizes that follow from those of the images alone."""

    def __init__(self, trained: YOLOv5, side: int):
        super().__init__()
        self.trained, self.letterbox = trained, Letterbox(side, GREY)

    def forward(self, pixels: Tensor, sizes: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Squares [N, 3, side, side] to boxes [N, K, 4], scores [N, K] and labels [N, K], -1 for none."""
        boxes, scores, labels = self.trained.candidates(self.trained.heads(pixels))
        score_floor, nms_iou = self.trained.limits
        best = exportable_nms(
            boxes,
            scores,
            labels,
            classes=self.trained.num_classes,
            score_threshold=score_floor,
            iou_threshold=nms_iou,
            max_detections=MAX_DETECTIONS,
        )
        return padded_detections(best, boxes, scores, labels)


def _part(layer: Layer, in_channels: int) -> nn.Module:
    if layer.kind == "conv":
        return Conv(in_channels, layer.channels, layer.kernel, layer.stride, layer.padding)
    if layer.kind == "c3":
        return C3(in_channels, layer.channels, layer.repeats, layer.shortcut)
    if layer.kind == "sppf":
        return SPPF(in_channels, layer.channels, layer.kernel)
    return nn.Upsample(scale_factor=2, mode="nearest") if layer.kind == "upsample" else Concat()


def build(num_classes: int, hyperparameters: Values) -> YOLOv5:
    """Build the network of the size, thresholds and image size that the hyperparameters give."""
    return YOLOv5(
        num_classes,
        hyperparameters["model_size"],
        score_floor=score_floor(hyperparameters["box_score_threshold"]),
        nms_iou=hyperparameters["nms_iou_threshold"],
        image_size=square_side(hyperparameters),
    )
