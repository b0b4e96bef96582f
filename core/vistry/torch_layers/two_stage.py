"""Detectors with a region proposal network and a head for each region, from torchvision's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from vistry.evaluation.detection.score_floor import score_floor
from vistry.loading.batches import ImageBatch
from vistry.plugin.types import Backbone, Values
from vistry.torch_layers.anchors import Anchors
from vistry.torch_layers.backbone_norm import norm_kind
from vistry.torch_layers.precision import with_low_precision
from vistry.torch_layers.pyramid import Pyramid
from vistry.torch_layers.region_pooling import RegionPooling
from vistry.torch_layers.two_stage_settings import ANCHOR_SIZES, ASPECT_RATIOS, BOX_BINS, STRIDES

POOLED_MAPS = ("0", "1", "2", "3")
"""The pyramid's maps that regions are pooled from, by name; its fifth is for proposals alone (Lin et al., 2017)."""


def two_stage_arguments(values: Values, backbone: Backbone) -> dict[str, Any]:
    """Return the arguments that torchvision's two-stage detectors share, with torchvision's own sizes and ratios.

    `values`: the hyperparameters as a plugin's hook is given them.
    """
    return {
        "backbone": Pyramid(backbone=backbone, strides=STRIDES, extra=LastLevelMaxPool(), norms=norm_kind(values)),
        "rpn_anchor_generator": Anchors(ANCHOR_SIZES, (ASPECT_RATIOS,) * len(ANCHOR_SIZES)),
        "box_roi_pool": pyramid_pooling(BOX_BINS),
        "box_score_thresh": score_floor(values["box_score_threshold"]),
        "box_nms_thresh": values["nms_iou_threshold"],
        "box_detections_per_img": values["box_detections_per_image"],
    }


def pyramid_pooling(output_size: int) -> RegionPooling:
    """Build the pooling of regions from the pyramid to squares of `output_size` pixels."""
    return RegionPooling(list(POOLED_MAPS), output_size=output_size, sampling_ratio=2)


class TwoStage(nn.Module):
    """`backbone`, `rpn` and `roi_heads` of a GeneralizedRCNN, called with images that are resized already.

    Class 0 of the heads is the background; labels in targets and results begin at 0. The backbone and
    the heads compute in the precision of the run, what lies between them in float32.
    """

    def __init__(self, model: GeneralizedRCNN):
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = model.backbone, model.rpn, model.roi_heads
        of_boxes = self.rpn.head, self.roi_heads.box_head, self.roi_heads.box_predictor
        of_masks = self.roi_heads.mask_head, self.roi_heads.mask_predictor
        for head in (*of_boxes, *(one for one in of_masks if one is not None)):
            with_low_precision(head)

    def forward(
        self, images: ImageBatch, targets: Sequence[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Return loss terms in training, else N dictionaries of boxes, scores, labels and, for a Mask R-CNN, masks."""
        sizes = [tuple(size) for size in images.sizes]
        shifted = None if targets is None else [{**target, "labels": target["labels"] + 1} for target in targets]
        maps = self.backbone(images.pixels)
        proposals, proposal_losses = self.rpn(ImageList(images.pixels, sizes), maps, shifted)
        detections, losses = self.roi_heads(maps, proposals, sizes, shifted)
        if self.training:
            return {**losses, **proposal_losses}
        return [{**image, "labels": image["labels"] - 1} for image in detections]
