"""Boxes are exact where the network computes in bfloat16, which has no odd numbers above 256."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import vistry
from vistry.loading.batches import ImageBatch

pytestmark = pytest.mark.usefixtures("few_regions")

DETECTORS = ("fasterrcnn_tinybone_fpn", "retinanet_tinybone_fpn", "maskrcnn_tinybone_fpn")
# Masks of a hundred boxes take minutes on processors without bfloat16, and the boxes are Faster R-CNN's.
WITHOUT_MASKS = (*DETECTORS[:2], pytest.param(DETECTORS[2], marks=pytest.mark.long))
WIDTH, HEIGHT = 320, 32


def made(model: str) -> Any:
    torch.manual_seed(0)
    task = "segmentation" if "mask" in model else "detection"
    return vistry.create(model, task=task, num_classes=2, hyperparameters={"box_score_threshold": 0})


def images() -> ImageBatch:
    pixels = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    return ImageBatch(pixels, [(HEIGHT, WIDTH)])


@pytest.mark.parametrize("model", WITHOUT_MASKS)
def test_what_is_found_lies_between_the_numbers_of_bfloat16(model: str) -> None:
    module = made(model).eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(images())
    boxes = torch.cat([one["boxes"] for one in found])
    assert boxes.dtype == torch.float32
    far = boxes[boxes > 256]
    assert len(far) > 10
    assert (far.bfloat16().float() != far).float().mean() > 0.5


@pytest.mark.parametrize("model", WITHOUT_MASKS)
def test_the_boxes_are_those_of_single_precision_but_for_the_networks_rounding(model: str) -> None:
    """With heads that say nothing, boxes are where the anchors are."""
    module = made(model).eval()
    for name, parameter in module.named_parameters():
        if any(part in name for part in ("bbox_pred", "bbox_reg", "rpn.head", "cls_logits", "cls_score")):
            torch.nn.init.zeros_(parameter)
    found = []
    for enabled in (False, True):
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            found.append(torch.cat([one["boxes"] for one in module(images())]))
    single, half = found
    assert len(single) == len(half) > 10
    torch.testing.assert_close(half, single)


@pytest.mark.parametrize("model", DETECTORS)
def test_an_object_one_pixel_wide_has_a_loss_wherever_it_is(model: str) -> None:
    module = made(model).train()
    box = torch.tensor([[303.0, 4, 304, 28]])  # 304 to 304 in bfloat16
    target = {"boxes": box, "labels": torch.tensor([1])}
    if "mask" in model:
        mask = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8)
        mask[:, 4:28, 303] = 1
        target["masks"] = mask
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = module(images(), [target])
    assert all(bool(torch.isfinite(value)) for value in terms.values()), terms
