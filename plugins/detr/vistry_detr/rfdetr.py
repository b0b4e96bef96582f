"""The sizes of RF-DETR (Robinson et al., RF-DETR: Neural Architecture Search for Real-Time Detection, 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import nn

BACKBONE = "model.backbone"
UNUSED = ("embeddings.mask_token",)  # stands for a hidden patch, of which there are none here
BLOCKS = 12
LATE = (3, 6, 9, 12)
CLASS_WEIGHT = {False: 1.0, True: 5.0}


class Size(NamedTuple):
    """What the sizes differ in.

    `side`: that of the images, in pixels, which the position embedding was made for. `patch`: the side of a patch, and
    `windows`: how many windows across attention is kept within. `layers`: of the decoder. `maps`: the blocks of the
    backbone whose outputs are used, from 1. `masks`: whether it predicts masks.
    """

    side: int
    layers: int
    queries: int = 300
    patch: int = 16
    windows: int = 2
    maps: tuple[int, ...] = LATE
    masks: bool = False
    width: int = 384
    heads: int = 6


SIZES: Mapping[str, Size] = {
    "nano": Size(384, 2),
    "small": Size(512, 3),
    "base": Size(518, 3, patch=14, windows=4, maps=(2, 5, 8, 11)),
    "medium": Size(576, 4),
    "large": Size(704, 4),
    "seg_nano": Size(312, 4, queries=100, patch=12, windows=1, masks=True),
    "seg_small": Size(384, 4, queries=100, patch=12, masks=True),
    "seg_medium": Size(432, 5, queries=200, patch=12, masks=True),
    "seg_large": Size(504, 5, patch=12, masks=True),
    "seg_xlarge": Size(624, 6, patch=12, masks=True),
    "seg_xxlarge": Size(768, 6, patch=12, masks=True),
}


def network(size: str, num_classes: int) -> nn.Module:
    """Build the library's network of a size, with random weights."""
    from transformers import RfDetrConfig, RfDetrForInstanceSegmentation, RfDetrForObjectDetection
    from transformers.models.rf_detr.configuration_rf_detr import RfDetrDinov2Config

    wanted = SIZES[size]
    backbone = RfDetrDinov2Config(
        hidden_size=wanted.width,
        num_hidden_layers=BLOCKS,
        num_attention_heads=wanted.heads,
        image_size=wanted.side,
        patch_size=wanted.patch,
        num_windows=wanted.windows,
        out_features=[f"stage{block}" for block in wanted.maps],
    )
    config = RfDetrConfig(
        backbone_config=backbone,
        num_labels=num_classes,
        num_queries=wanted.queries,
        decoder_layers=wanted.layers,
        decoder_n_points=2,
        dropout=0.0,
        class_loss_coefficient=CLASS_WEIGHT[wanted.masks],
    )
    built: nn.Module = (RfDetrForInstanceSegmentation if wanted.masks else RfDetrForObjectDetection)(config)
    return built


def loss_weights(masks: bool) -> dict[str, float]:
    """Return the factor of each term of the loss, which the library applies to the sum alone."""
    boxes = {"ce": CLASS_WEIGHT[masks], "bbox": 5.0, "giou": 2.0}
    return {**boxes, "mask_ce": 5.0, "mask_dice": 5.0} if masks else boxes


def rate_factors(prefix: str, encoder: float, block_decay: float, component_decay: float) -> dict[str, float]:
    """Return the factors on the learning rate, by how parameters' names begin.

    The backbone's is `encoder`; it is multiplied by `component_decay` twice, the decoder's once. From the output of the
    backbone to its input each block has `block_decay` times the rate of the next.
    """
    backbone = encoder * component_decay**2
    inner = f"{prefix}model.backbone.backbone."
    blocks = {f"{inner}encoder.layer.{block}.": backbone * block_decay ** (BLOCKS - block) for block in range(BLOCKS)}
    return {
        f"{prefix}model.decoder.": component_decay,
        inner: backbone,
        f"{inner}embeddings.": backbone * block_decay ** (BLOCKS + 1),
        **blocks,
    }
