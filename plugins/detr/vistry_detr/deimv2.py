"""The sizes of DEIMv2 (Huang et al., Real-Time Object Detection Meets DINOv3, 2025) and its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vistry_detr.hgnet import ATTO, B0, FEMTO, PICO

if TYPE_CHECKING:
    from torch import nn

BACKBONE = "model.conv_encoder"
# The token that stands for a hidden patch, tokens that this size has none of, and a norm after the last block.
UNUSED = (
    "model.conv_encoder.backbone.embeddings.mask_token",
    "model.conv_encoder.backbone.embeddings.register_tokens",
    "model.conv_encoder.backbone.norm.weight",
    "model.conv_encoder.backbone.norm.bias",
)
# The library's gamma of the matching-aware loss is that of D-FINE; DEIM's is 1.5. Scores begin at the authors' 0.01.
_COMMON = {
    "freeze_backbone_batch_norms": False,
    "initializer_bias_prior_prob": 0.01,
    "decoder_activation_function": "silu",
    "focal_loss_gamma": 1.5,
}


class Vit(NamedTuple):
    """A small vision transformer in the form of DINOv3, distilled from a larger one by DEIMv2's authors."""

    width: int
    heads: int

    def config(self) -> Any:
        """Return transformers' configuration of it."""
        from transformers import DINOv3ViTConfig

        return DINOv3ViTConfig(
            hidden_size=self.width,
            num_attention_heads=self.heads,
            num_hidden_layers=12,
            intermediate_size=4 * self.width,
            layerscale_value=1.0,
            use_gated_mlp=False,
            num_register_tokens=0,
            pos_embed_rescale=None,
            key_bias=False,
            rope_theta=100.0,
            out_indices=[4, 8, 12],
            apply_layernorm=False,
            reshape_hidden_states=True,
        )

    @property
    def channels(self) -> list[int]:
        """The channels of the maps that are used."""
        return [self.width] * 3


def _lite(width: int, feedforward: int, queries: int) -> dict[str, Any]:
    """Return the widths of one of the sizes for small devices, without attention in the encoder."""
    return {
        "encoder_type": "lite",
        "encoder_layers": 0,
        "encode_proj_layers": [],
        "feat_strides": [16, 32],
        "encoder_hidden_dim": width,
        "hidden_expansion": 0.34,
        "depth_mult": 0.5,
        "decoder_in_channels": [width, width],
        "d_model": width,
        "num_feature_levels": 2,
        "decoder_n_points": [4, 2],
        "decoder_layers": 3,
        "decoder_ffn_dim": feedforward,
        "num_queries": queries,
        "share_bbox_head": True,
        "use_gateway": False,
        "use_dense_one_to_one": False,
        # These sizes were trained without the loss of the distributions.
        "weight_loss_fgl": 0.0,
        "weight_loss_ddf": 0.0,
    }


def _hybrid(width: int, expansion: float, depth: float) -> dict[str, Any]:
    """Return the widths of one of the sizes on a vision transformer."""
    return {
        "encoder_hidden_dim": width,
        "encoder_ffn_dim": 512,
        "hidden_expansion": expansion,
        "depth_mult": depth,
        "encoder_has_trailing_conv": False,
        "decoder_in_channels": [width] * 3,
        "d_model": width,
        "decoder_n_points": [3, 6, 3],
        "decoder_layers": 4,
        "decoder_ffn_dim": 512,
    }


_N: dict[str, Any] = {
    "feat_strides": [16, 32],
    "encode_proj_layers": [1],
    "encoder_hidden_dim": 128,
    "encoder_ffn_dim": 512,
    "hidden_expansion": 0.34,
    "depth_mult": 0.5,
    "decoder_in_channels": [128, 128],
    "d_model": 128,
    "num_feature_levels": 2,
    "decoder_n_points": [6, 6],
    "decoder_layers": 3,
    "decoder_ffn_dim": 512,
}
SIZES: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "atto": (ATTO, _lite(64, feedforward=160, queries=100)),
    "femto": (FEMTO, _lite(96, feedforward=256, queries=150)),
    "pico": (PICO, _lite(112, feedforward=320, queries=200)),
    "n": (B0._replace(outputs=(3, 4)), _N),
    "s": (Vit(192, 3), _hybrid(192, expansion=0.34, depth=0.67)),
    "m": (Vit(256, 4), _hybrid(256, expansion=0.67, depth=1.0)),
}


def network(size: str, num_classes: int) -> nn.Module:
    """Build the library's network of a size, with random weights."""
    from transformers import Deimv2Config, Deimv2ForObjectDetection

    backbone, widths = SIZES[size]
    config = Deimv2Config(
        backbone_config=backbone.config(),
        encoder_in_channels=backbone.channels,
        num_labels=num_classes,
        **{**_COMMON, **widths},
    )
    built: nn.Module = Deimv2ForObjectDetection(config)
    return built
