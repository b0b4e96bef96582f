"""RetinaNet as a torch module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNetClassificationHead, RetinaNetHead
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from vistry.kernels import operation
from vistry.plugin import Backbone, ImageBatch, Values, score_floor
from vistry.torch_layers import (
    Anchors,
    Pyramid,
    detections_at,
    exportable_nms,
    norm_kind,
    padded_detections,
    with_low_precision,
)

from vistry_retinanet.architecture import ALPHA, ASPECTS, CANDIDATES, GAMMA, SIZES, STRIDES
from vistry_retinanet.reference import BACKGROUND, IGNORED


class ClassificationHead(RetinaNetClassificationHead):  # type: ignore[misc]
    """torchvision's head, with the focal loss of a batch as one operation."""

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int):
        super().__init__(in_channels, num_anchors, num_classes)
        self._focal_loss = operation("sigmoid_focal_loss")

    def compute_loss(
        self, targets: Sequence[dict[str, Tensor]], head_outputs: dict[str, Tensor], matched_idxs: Sequence[Tensor]
    ) -> Tensor:
        """Return the mean over N images of the focal loss of all anchors divided by the number of matched ones."""
        matched = torch.stack(list(matched_idxs))
        # The matcher marks ignored anchors -2 and background -1, which index these two from the end.
        marks = matched.new_tensor([IGNORED, BACKGROUND])
        classes = [
            torch.cat([target["labels"], marks])[index] for target, index in zip(targets, matched_idxs, strict=True)
        ]
        losses = self._focal_loss(head_outputs["cls_logits"], torch.stack(classes), ALPHA, GAMMA)
        return (losses / (matched >= 0).sum(1).clamp(min=1)).mean()


class PaddedRetinaNet(nn.Module):
    """`backbone` and `head` of a RetinaNet, called with images that have their size already."""

    def __init__(self, model: RetinaNet, score_threshold: float, iou_threshold: float, most: int):
        super().__init__()
        self.backbone, self.head, self.anchor_generator = model.backbone, model.head, model.anchor_generator
        self._loss_of, self._coder = model.compute_loss, model.box_coder
        self._suppress, self.limits = operation("batched_nms"), (score_threshold, iou_threshold, most)

    def forward(
        self, images: ImageBatch, targets: Sequence[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Loss terms of N images in training, else N dictionaries of boxes, scores and labels."""
        sizes = [tuple(size) for size in images.sizes]
        maps = list(self.backbone(images.pixels).values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(ImageList(images.pixels, sizes), maps)
        if self.training:
            losses: dict[str, Tensor] = self._loss_of(targets, outputs, anchors)
            return losses
        places = self.anchor_generator.num_anchors_per_location()[0]
        counts = [places * height * width for height, width in (one.shape[-2:] for one in maps)]
        return self._detections(outputs, torch.stack(anchors), counts, sizes)

    def _detections(
        self, outputs: dict[str, Tensor], anchors: Tensor, counts: list[int], sizes: Sequence[tuple[int, ...]]
    ) -> list[dict[str, Tensor]]:
        """Return the best boxes of each image: the candidates of every level after non-maximum suppression."""
        limits = torch.tensor([(width, height) * 2 for height, width in sizes], device=anchors.device)
        boxes, scores, labels = self.candidates((*outputs.values(), anchors), counts, limits)
        best = self._suppress(boxes, scores, labels, *self.limits)
        return detections_at(best, boxes, scores, labels)

    def candidates(
        self, outputs: Iterable[Tensor], counts: Sequence[int], limits: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes [N, K, 4], scores [N, K] and labels [N, K] before non-maximum suppression.

        `outputs`: logits, offsets and anchors [N, A, ...] of all levels, `counts` of each. `limits` [N, 4]: the largest
        coordinates.
        """
        by_level = (torch.split(values, list(counts), dim=1) for values in outputs)
        levels = [self._candidates(*level) for level in zip(*by_level, strict=True)]
        boxes, scores, labels = (torch.cat(parts, dim=1) for parts in zip(*levels, strict=True))
        return boxes.clamp(min=0).minimum(limits[:, None]), scores, labels

    def _candidates(self, logits: Tensor, deltas: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes [N, k, 4], scores [N, k] and labels [N, k] of one level, the highest scores first."""
        classes = logits.shape[-1]
        scores = logits.float().sigmoid().flatten(1)
        scores, index = scores.topk(torch.sym_min(CANDIDATES, scores.shape[1]))
        place = (index // classes)[..., None].expand(-1, -1, 4)
        chosen = deltas.float().gather(1, place), anchors.gather(1, place)
        boxes = self._coder.decode_single(*(values.flatten(0, 1) for values in chosen)).view_as(chosen[0])
        return boxes, scores, index % classes


class ExportableRetinaNet(nn.Module):
    """A trained RetinaNet whose tensors have sizes that follow from those of the images alone."""

    def __init__(self, trained: PaddedRetinaNet):
        super().__init__()
        self.trained = trained

    def forward(self, pixels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Images [N, 3, H, W] of sizes [N, 2] to boxes [N, K, 4], scores [N, K] and labels [N, K], -1 for none."""
        maps = list(self.trained.backbone(pixels).values())
        outputs = self.trained.head(maps)
        anchors = self.trained.anchor_generator.placed(pixels, maps)
        limits = torch.stack([sizes[:, 1], sizes[:, 0]] * 2, dim=1).to(pixels.dtype)
        all_anchors = torch.cat(anchors).expand(pixels.shape[0], -1, -1)
        counts = [level.shape[0] for level in anchors]
        boxes, scores, labels = self.trained.candidates((*outputs.values(), all_anchors), counts, limits)
        score_threshold, iou_threshold, most = self.trained.limits
        best = exportable_nms(
            boxes,
            scores,
            labels,
            classes=self.trained.head.classification_head.num_classes,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=most,
        )
        return padded_detections(best, boxes, scores, labels)


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> nn.Module:
    """Build torchvision's RetinaNet with its own settings, for padded images; it has no background class."""
    extra_levels = LastLevelP6P7(Pyramid.out_channels, Pyramid.out_channels)
    pyramid = Pyramid(backbone, STRIDES, extra_levels, norm_kind(hyperparameters))
    anchors = Anchors(SIZES, (ASPECTS,) * len(SIZES))
    places = anchors.num_anchors_per_location()[0]
    head = RetinaNetHead(Pyramid.out_channels, places, num_classes)
    head.classification_head = ClassificationHead(Pyramid.out_channels, places, num_classes)
    return PaddedRetinaNet(
        RetinaNet(pyramid, num_classes, anchor_generator=anchors, head=with_low_precision(head)),
        score_floor(hyperparameters["box_score_threshold"]),
        hyperparameters["nms_iou_threshold"],
        hyperparameters["box_detections_per_image"],
    )
