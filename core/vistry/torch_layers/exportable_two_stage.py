"""A trained two-stage detector as a module whose tensors have sizes that follow from those of the images alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.ops.boxes import box_area

from vistry.torch_layers.nms import exportable_nms, padded_detections
from vistry.torch_layers.region_pooling import exportable_pooling
from vistry.torch_layers.two_stage import TwoStage
from vistry.torch_layers.two_stage_settings import STRIDES

# torchvision's own: the least side of a detection in pixels, and the level of a region of 224 pixels.
LEAST_SIDE = 0.01
LEVELS_FROM, LEVELS_TO = 2, 5
CANONICAL_SCALE, CANONICAL_LEVEL, EPSILON = 224, 4, 1e-6


class ExportableTwoStage(nn.Module):
    """Finds what `trained` finds, without masks."""

    def __init__(self, trained: TwoStage):
        super().__init__()
        self.trained = trained

    def forward(self, pixels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Images [N, 3, H, W] of sizes [N, 2] to boxes [N, K, 4], scores [N, K] and labels [N, K], -1 for none."""
        maps = self.trained.backbone(pixels)
        limits = torch.stack([sizes[:, 1], sizes[:, 0]] * 2, dim=1).to(pixels.dtype)
        proposals, exist = self._proposals(pixels, maps, limits)
        return self._detections(maps, proposals, exist=exist, limits=limits)

    def _proposals(self, pixels: Tensor, maps: Mapping[str, Tensor], limits: Tensor) -> tuple[Tensor, Tensor]:
        """Return regions [N, P, 4] that may hold an object, and which of the rows [N, P] are any."""
        rpn, levels = self.trained.rpn, list(maps.values())
        answers = zip(*rpn.head(levels), rpn.anchor_generator.placed(pixels, levels), strict=True)
        chosen = [self._best_of_level(*level) for level in answers]
        boxes = torch.cat([level[0] for level in chosen], dim=1).clamp(min=0).minimum(limits[:, None])
        scores = torch.cat([level[1] for level in chosen], dim=1).sigmoid()
        numbers = [torch.full_like(level[1], number, dtype=torch.int64) for number, level in enumerate(chosen)]
        best = exportable_nms(
            boxes,
            torch.where(_sides_are_at_least(boxes, rpn.min_size), scores, -1),
            torch.cat(numbers, dim=1),
            classes=len(levels),
            score_threshold=0.0,
            iou_threshold=rpn.nms_thresh,
            max_detections=rpn.post_nms_top_n(),
        )
        regions = boxes.gather(1, best.clamp(min=0)[..., None].expand(-1, -1, 4))
        return regions, best >= 0

    def _best_of_level(self, objectness: Tensor, offsets: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes [N, k, 4] and logits [N, k] of one level, from its maps [N, A, h, w], [N, 4 * A, h, w] and anchors."""
        images, each, height, width = objectness.shape
        logits = objectness.permute(0, 2, 3, 1).reshape(images, -1)
        all_offsets = offsets.reshape(images, each, 4, height, width).permute(0, 3, 4, 1, 2).reshape(images, -1, 4)
        scores, index = logits.topk(torch.sym_min(self.trained.rpn.pre_nms_top_n(), logits.shape[1]))
        places = index[..., None].expand(-1, -1, 4)
        moves, starts = all_offsets.gather(1, places), anchors.expand(images, -1, -1).gather(1, places)
        boxes = self.trained.rpn.box_coder.decode_single(moves.flatten(0, 1), starts.flatten(0, 1))
        return boxes.reshape(moves.shape), scores

    def _detections(
        self, maps: Mapping[str, Tensor], proposals: Tensor, exist: Tensor, limits: Tensor
    ) -> dict[str, Tensor]:
        """Return what the heads say of the proposals, after non-maximum suppression within each class."""
        heads = self.trained.roi_heads
        images, count, _ = proposals.shape
        logits, offsets = heads.box_predictor(heads.box_head(self._pooled(maps, proposals, exist)))
        classes = logits.shape[-1] - 1  # without the background, which is the first
        decoded = heads.box_coder.decode_single(offsets, proposals.flatten(0, 1))
        boxes = decoded.reshape(images, count, classes + 1, 4)[:, :, 1:]
        boxes = boxes.clamp(min=0).minimum(limits[:, None, None])
        scores = logits.softmax(-1).reshape(images, count, classes + 1)[:, :, 1:]
        usable = _sides_are_at_least(boxes, LEAST_SIDE) & exist[..., None]
        scores = torch.where(usable, scores, -1).flatten(1)
        labels = torch.arange(classes, device=scores.device).expand(images, count, classes).flatten(1)
        boxes = boxes.flatten(1, 2)
        best = exportable_nms(
            boxes,
            scores,
            labels,
            classes=classes,
            score_threshold=heads.score_thresh,
            iou_threshold=heads.nms_thresh,
            max_detections=heads.detections_per_img,
        )
        return padded_detections(best, boxes, scores, labels=labels)

    def _pooled(self, maps: Mapping[str, Tensor], proposals: Tensor, exist: Tensor) -> Tensor:
        """Return the squares [N * P, C, s, s] of all proposals, zeros for those that are none."""
        pooling = self.trained.roi_heads.box_roi_pool
        images, count, _ = proposals.shape
        regions = proposals.flatten(0, 1)
        level = torch.floor(CANONICAL_LEVEL + torch.log2(box_area(regions).sqrt() / CANONICAL_SCALE) + EPSILON)
        levels = level.clamp(LEVELS_FROM, LEVELS_TO).to(torch.int64) - LEVELS_FROM
        pooled: Tensor = exportable_pooling(
            maps=[maps[name] for name in pooling.featmap_names],
            boxes=regions,
            images=torch.arange(images, device=regions.device)[:, None].expand(-1, count).flatten(),
            levels=torch.where(exist.flatten(), levels, -1),
            scales=[1 / stride for stride in STRIDES],
            output_size=pooling.output_size[0],
            samples=pooling.sampling_ratio,
        )
        return pooled


def _sides_are_at_least(boxes: Tensor, least: float) -> Tensor:
    return ((boxes[..., 2:] - boxes[..., :2]) >= least).all(dim=-1)
