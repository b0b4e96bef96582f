"""The sizes of D-FINE (Peng et al., D-FINE: Redefine Regression Task in DETRs, 2024) and its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vistry_detr.hgnet import B0, B2, B4, B5

if TYPE_CHECKING:
    from torch import nn

BACKBONE = "model.backbone"
# Batch norms train here, and are frozen with the layers that they are in. Scores begin at the authors' 0.01: the
# library's own beginning, 1 / (classes + 1), is so high for few classes that the first loss is over 1,000.
_COMMON = {"freeze_backbone_batch_norms": False, "initializer_bias_prior_prob": 0.01, "decoder_n_points": [3, 6, 3]}
_N: dict[str, Any] = {
    "num_feature_levels": 2,
    "feat_strides": [16, 32],
    "encode_proj_layers": [1],
    "encoder_hidden_dim": 128,
    "encoder_ffn_dim": 512,
    "hidden_expansion": 0.34,
    "depth_mult": 0.5,
    "d_model": 128,
    "decoder_in_channels": [128, 128],
    "decoder_ffn_dim": 512,
    "decoder_n_points": [6, 6],
    "decoder_layers": 3,
}
_X: dict[str, Any] = {
    "encoder_hidden_dim": 384,
    "encoder_ffn_dim": 2048,
    "decoder_in_channels": [384, 384, 384],
    "reg_scale": 8.0,
}
SIZES: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "n": (B0._replace(outputs=(3, 4)), _N),
    "s": (B0, {"hidden_expansion": 0.5, "depth_mult": 0.34, "decoder_layers": 3}),
    "m": (B2, {"depth_mult": 0.67, "decoder_layers": 4}),
    "l": (B4, {}),
    "x": (B5, _X),
}


def network(size: str, num_classes: int) -> nn.Module:
    """Build the library's network of a size, with random weights."""
    from transformers import DFineConfig, DFineForObjectDetection

    backbone, widths = SIZES[size]
    config = DFineConfig(
        backbone_config=backbone.config(),
        encoder_in_channels=backbone.channels,
        num_labels=num_classes,
        **{**_COMMON, **widths},
    )
    built: nn.Module = DFineForObjectDetection(config)
    return built
