"""A detector without torchvision: at each place of a map of stride 8 a class and the distances to four sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from vistry.kernels import operation
from vistry.plugin import ImageBatch, Values, score_floor
from vistry.torch_layers import detections_at, exportable_nms, padded_detections

STRIDE = 8


class TinyDetector(nn.Module):
    def __init__(self, num_classes: int, hyperparameters: Values, with_masks: bool):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        self.head = nn.Conv2d(16, num_classes + 4, 1)
        self.with_masks = with_masks
        self.limits = score_floor(hyperparameters["box_score_threshold"]), hyperparameters["nms_iou_threshold"]
        self.max_detections = hyperparameters["box_detections_per_image"]
        self.suppress = operation("batched_nms")

    def forward(self, images: ImageBatch, targets: Sequence[dict[str, Tensor]] | None = None) -> Any:
        out = self.head(self.body(images.pixels)).permute(0, 2, 3, 1)
        count, height, width, _ = out.shape
        x, y = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
        centres = (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5).to(out) * STRIDE
        out = out.reshape(count, -1, out.shape[-1])
        logits, sides = out[..., :-4], out[..., -4:].clamp(max=6).exp() * STRIDE
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=-1)
        if self.training:
            assert targets is not None
            return self.losses(logits, boxes, centres, targets)
        scores, labels = logits.sigmoid().max(dim=-1)
        for place, (high, wide) in enumerate(images.sizes):
            outside = (centres[:, 0] >= wide) | (centres[:, 1] >= high)
            scores[place] = scores[place].masked_fill(outside, -1)
        detections = detections_at(
            self.suppress(boxes, scores, labels, *self.limits, self.max_detections), boxes, scores, labels
        )
        if self.with_masks:
            return [{**image, "masks": torch.ones(len(image["boxes"]), 1, 4, 4)} for image in detections]
        return detections

    def candidates(self, pixels: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `forward` suppresses, for images whose sizes [N, 2] are a tensor."""
        out = self.head(self.body(pixels)).permute(0, 2, 3, 1)
        height, width, channels = out.shape[1:]
        x, y = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")
        centres = (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5).to(out) * STRIDE
        out = out.reshape(out.shape[0], -1, channels)
        logits, sides = out[..., :-4], out[..., -4:].clamp(max=6).exp() * STRIDE
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=-1)
        scores, labels = logits.sigmoid().max(dim=-1)
        inside = (centres.flip(1) < sizes[:, None]).all(dim=-1)
        return boxes, torch.where(inside, scores, -1), labels

    def losses(
        self, logits: Tensor, boxes: Tensor, centres: Tensor, targets: Sequence[dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        class_targets, distance = torch.zeros_like(logits), boxes.sum() * 0
        for image, target in enumerate(targets):
            for box, label in zip(target["boxes"], target["labels"], strict=True):
                inside = ((centres > box[:2]) & (centres < box[2:])).all(dim=1)
                class_targets[image, inside, label] = 1
                distance = distance + (boxes[image, inside] - box).abs().sum() / 64 / len(centres)
        return {"classes": functional.binary_cross_entropy_with_logits(logits, class_targets), "sides": distance}


class Exportable(nn.Module):
    def __init__(self, trained: TinyDetector):
        super().__init__()
        self.trained = trained
        self.classes = trained.head.out_channels - 4

    def forward(self, pixels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        boxes, scores, labels = self.trained.candidates(pixels, sizes)
        score, iou = self.trained.limits
        best = exportable_nms(
            boxes,
            scores,
            labels,
            classes=self.classes,
            score_threshold=score,
            iou_threshold=iou,
            max_detections=self.trained.max_detections,
        )
        return padded_detections(best, boxes, scores, labels)
