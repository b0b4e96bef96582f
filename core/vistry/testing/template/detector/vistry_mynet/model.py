"""The network of mynet: at each place of three maps the logits of the classes, and the distances to four sides."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss
from vistry.kernels import operation
from vistry.plugin import Backbone, ImageBatch, Values, score_floor
from vistry.torch_layers import Pyramid, detections_at, norm_kind

STRIDES = (8, 16, 32)
LOGIT_OF_1_PERCENT = -4.6  # most places have no object
LARGEST_LOG = 4.0  # of a distance in strides


class Net(nn.Module):
    """A feature pyramid, and one head for all of its levels."""

    def __init__(self, num_classes: int, hyperparameters: Values, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = Pyramid(backbone, STRIDES, None, norm_kind(hyperparameters))
        self.tower = nn.Sequential(nn.Conv2d(Pyramid.out_channels, 64, 3, padding=1), nn.GroupNorm(8, 64), nn.ReLU())
        self.classes = nn.Conv2d(64, num_classes, 1)
        self.sides = nn.Conv2d(64, 4, 1)
        nn.init.constant_(self.classes.get_parameter("bias"), LOGIT_OF_1_PERCENT)
        self.suppress = operation("batched_nms")
        self.limits = score_floor(hyperparameters["box_score_threshold"]), hyperparameters["nms_iou_threshold"]
        self.most = hyperparameters["box_detections_per_image"]

    def forward(
        self, images: ImageBatch, targets: Sequence[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """The loss by terms in training, else boxes, scores and labels of each image."""
        maps = [self.tower(level) for level in self.backbone(images.pixels).values()]
        # In float32, because half of the digits would move a box by pixels.
        logits = torch.cat([by_place(self.classes(level)) for level in maps], dim=1).float()
        sides = torch.cat(
            [
                by_place(self.sides(level)).float().clamp(max=LARGEST_LOG).exp() * stride
                for level, stride in zip(maps, STRIDES, strict=True)
            ],
            dim=1,
        )
        centres = torch.cat([centres_of(level, stride) for level, stride in zip(maps, STRIDES, strict=True)])
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=-1)
        if targets is not None:
            return losses(logits, boxes, centres, targets)
        ends = torch.tensor([(width, height) * 2 for height, width in images.sizes], device=boxes.device)
        boxes = boxes.clamp(min=0).minimum(ends[:, None])
        scores, labels = logits.sigmoid().max(dim=-1)
        best = self.suppress(boxes, scores, labels, *self.limits, self.most)
        return detections_at(best, boxes, scores, labels)


def losses(logits: Tensor, boxes: Tensor, centres: Tensor, targets: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The focal loss of the classes, and 1 - GIoU of the boxes at places inside an object, for each such place."""
    truth, overlap, places = torch.zeros_like(logits), boxes.sum() * 0, 0
    for image, target in enumerate(targets):
        if not len(target["boxes"]):
            continue
        corners = target["boxes"]
        inside = ((centres[:, None] > corners[:, :2]) & (centres[:, None] < corners[:, 2:])).all(dim=-1)
        areas = (corners[:, 2:] - corners[:, :2]).prod(dim=1)
        # Of several objects around a place the smallest is meant.
        smallest = areas.expand(inside.shape).masked_fill(~inside, torch.inf).argmin(dim=1)
        [place] = torch.where(inside.any(dim=1))
        truth[image, place, target["labels"][smallest[place]]] = 1
        overlap = overlap + generalized_box_iou_loss(boxes[image, place], corners[smallest[place]], reduction="sum")
        places += len(place)
    count = max(places, 1)
    return {"classes": sigmoid_focal_loss(logits, truth, reduction="sum") / count, "boxes": overlap / count}


def by_place(level: Tensor) -> Tensor:
    """[N, C, H, W] to [N, H * W, C]."""
    return level.flatten(2).transpose(1, 2)


def centres_of(level: Tensor, stride: int) -> Tensor:
    """The centres [H * W, 2] of a map's places, x and y in pixels of the image."""
    height, width = level.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=level.device), torch.arange(width, device=level.device), indexing="ij"
    )
    return (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride


class Body(nn.Module):
    """Maps at the strides 8, 16 and 32."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        first, second, third = widths
        stem = nn.Sequential(layer(3, 16), layer(16, first), layer(first, first))
        self.stages = nn.ModuleList([stem, layer(first, second), layer(second, third)])

    def forward(self, images: Tensor) -> list[Tensor]:
        """[N, 3, H, W] to maps from fine to coarse."""
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]


def layer(inputs: int, outputs: int) -> nn.Sequential:
    """[N, inputs, H, W] to [N, outputs, H / 2, W / 2]."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def own_backbone(widths: Sequence[int]) -> Backbone:
    """The body of models without another backbone."""
    return Backbone(Body(widths), tuple(widths), STRIDES)
