"""A detection transformer of the library transformers under the contract of Vistry's detectors."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from vistry.plugin import Detections, ImageBatch, Postprocess, ResizeInfo
from vistry.plugin.detection import mask_to_rle
from vistry.torch_layers import with_low_precision

# A term's name without the layer that it is of: loss_bbox_aux_0, loss_bbox_dn_1, loss_ce_0, loss_ce_enc.
_TERM = re.compile(r"loss_(?P<term>[a-z_]+?)(?:(?:_aux|_dn)?_\d+|_enc)?")
# A box narrower than this, in pixels, has rounding for a size.
_LEAST_SIDE = 1e-6


class Limits(NamedTuple):
    """What is returned of what is found: how many an image at most, and from which score on."""

    detections: int
    score_floor: float


class Detector(nn.Module):
    """A network of transformers; its tensors have their names there, after `network.`.

    `backbone` names the part that computes in the precision of a run. `weights`: the factor of each term of the loss,
    where the library doesn't apply it; its other terms are left out then. `unused`: parameters that no image reaches.
    """

    def __init__(
        self,
        network: nn.Module,
        limits: Limits,
        *,
        backbone: str,
        weights: Mapping[str, float] | None = None,
        unused: Collection[str] = (),
    ):
        super().__init__()
        self.network, self._limits, self._weights = network, limits, weights
        for name, parameter in list(network.named_parameters()):
            if not parameter.requires_grad or name in unused:
                _make_buffer(network, name)
        with_low_precision(network.get_submodule(backbone))

    def forward(
        self, images: Tensor | ImageBatch, targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Loss terms of images [N, 3, H, W] in training, else N dictionaries of boxes, scores and labels.

        `boxes`: [K, 4] x1, y1, x2, y2 in pixels of the image as it is given. A network for segmentation adds
        `mask_logits` [K, h, w], each of the whole image.
        """
        pixels = images.pixels if isinstance(images, ImageBatch) else images
        if not self.training:
            return self._detections(self.network(pixel_values=pixels), pixels)
        assert targets is not None, "training needs targets"
        labels = [_labels(target, *pixels.shape[-2:]) for target in targets]
        return self._terms(self.network(pixel_values=pixels, labels=labels).loss_dict)

    def _terms(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Add up each term over the layers of the decoder."""
        terms: dict[str, Tensor] = {}
        for name, value in losses.items():
            match = _TERM.fullmatch(name)
            if match is None or (self._weights is not None and match["term"] not in self._weights):
                continue
            term = match["term"]
            # The library's loss of masks has no value where a batch has no object; it is 0 then.
            weighted = (self._weights[term] if self._weights else 1.0) * value.sum()
            terms[term] = terms[term] + weighted if term in terms else weighted
        return terms

    def _detections(self, outputs: Any, pixels: Tensor) -> list[dict[str, Tensor]]:
        """Return the best pairs of a query and a class of each image."""
        height, width = pixels.shape[-2:]
        scores, classes = outputs.logits.float().sigmoid(), outputs.logits.shape[-1]
        most = min(self._limits.detections, scores[0].numel())
        best, places = scores.flatten(1).topk(most)
        size = torch.tensor([width, height, width, height], device=pixels.device)
        found = []
        for image, (score, place) in enumerate(zip(best, places, strict=True)):
            kept = score >= self._limits.score_floor
            query = place[kept] // classes
            detections = {
                "boxes": corners(outputs.pred_boxes[image, query].float()) * size,
                "scores": score[kept],
                "labels": place[kept] % classes,
            }
            if (masks := getattr(outputs, "pred_masks", None)) is not None:
                detections["mask_logits"] = masks[image, query].float()
            found.append(detections)
        return found


def mask_postprocess(pixel_threshold: float) -> Postprocess:
    """Build the function from outputs with `mask_logits` to boxes and masks in pixels of the part that a view shows.

    A mask is stretched to that part, and a pixel belongs to it from a probability of `pixel_threshold` on.
    """
    threshold = torch.tensor(pixel_threshold).logit().item()

    def postprocess(outputs: Any, frames: Sequence[ResizeInfo]) -> list[Detections]:
        return [_in_frame(output, frame, threshold) for output, frame in zip(outputs, frames, strict=True)]

    return postprocess


def _in_frame(output: Mapping[str, Tensor], frame: ResizeInfo, threshold: float) -> Detections:
    width, height = frame.source_width, frame.source_height
    size = torch.tensor([width, height] * 2, device=output["boxes"].device)
    ratio = size / torch.tensor([frame.width, frame.height] * 2, device=size.device)
    boxes = (output["boxes"] * ratio).clamp(min=torch.zeros_like(size), max=size)
    visible = (boxes[:, 2:] - boxes[:, :2] > _LEAST_SIDE).all(dim=1)
    masks, rows = [], []
    for row in visible.nonzero()[:, 0].tolist():
        logits = output["mask_logits"][row][None, None]
        # One at a time: a hundred masks of a photograph don't fit into memory.
        inside = interpolate(logits, (height, width), mode="bilinear", align_corners=False)[0, 0] > threshold
        if inside.any():
            rows.append(row)
            masks.append(mask_to_rle(inside.cpu().numpy()))
    columns = (boxes, output["scores"], output["labels"])
    box, score, label = (column[rows].cpu().numpy() for column in columns)
    return Detections(box, score, label, masks=masks)


def corners(boxes: Tensor) -> Tensor:
    """Centre, width and height [..., 4] to x1, y1, x2, y2."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def _labels(target: Mapping[str, Tensor], height: int, width: int) -> dict[str, Tensor]:
    """Return a target as transformers takes it: centre, width and height in shares of the image."""
    first, last = target["boxes"][:, :2], target["boxes"][:, 2:]
    size = torch.tensor([width, height], device=first.device)
    boxes = torch.cat([(first + last) / 2 / size, (last - first) / size], dim=-1)
    labels = {"class_labels": target["labels"], "boxes": boxes}
    return labels | ({"masks": target["masks"]} if "masks" in target else {})


def _make_buffer(network: nn.Module, name: str) -> None:
    """Keep a parameter that doesn't train, under its name, as a buffer."""
    owner, _, last = name.rpartition(".")
    part = network.get_submodule(owner)
    value = getattr(part, last)
    delattr(part, last)
    part.register_buffer(last, value.detach())
