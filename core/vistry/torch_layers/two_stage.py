"""Detectors with a region proposal network and a head for each region, from torchvision's parts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList

from vistry.loading.batches import ImageBatch
from vistry.torch_layers.single_precision import with_single_precision


class TwoStage(nn.Module):
    """`backbone`, `rpn` and `roi_heads` of a GeneralizedRCNN, called with images that are resized already.

    Class 0 of the heads is the background; labels in targets and results begin at 0. Boxes are always float32.
    """

    def __init__(self, model: GeneralizedRCNN):
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = model.backbone, model.rpn, model.roi_heads
        predictors = self.roi_heads.box_predictor, self.roi_heads.mask_predictor
        for head in (self.rpn.head, *(one for one in predictors if one is not None)):
            with_single_precision(head)

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
