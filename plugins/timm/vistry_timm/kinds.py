"""Kinds of networks, and the training values that each begins with.

They are those of the nearest family that Vistry's reference has values for: its residual networks for a convolutional
network, its vision transformers of three sizes for all others.
"""

from __future__ import annotations

from typing import Any

# By timm's module. A network of both kinds, with attention in some stages, is trained as a transformer.
# fmt: off
CONVOLUTIONAL = frozenset([
    "byobnet", "convmixer", "convnext", "cspnet", "cspnext", "csatv2", "densenet", "dla", "dpn", "efficientnet",
    "fasternet", "ghostnet", "hardcorenas", "hgnet", "hrnet", "inception_next", "inception_resnet_v2",
    "inception_v3", "inception_v4", "lcnetv2", "mambaout", "mobilenetv3", "nasnet", "nfnet", "pnasnet", "rdnet",
    "regnet", "repghost", "repvit", "res2net", "resnest", "resnet", "resnetv2", "rexnet", "selecsls", "senet",
    "sknet", "starnet", "tresnet", "vgg", "vovnet", "xception", "xception_aligned",
])
# fmt: on
MLPS = frozenset(["mlp_mixer", "sequencer"])
_MILLION = 1_000_000
_LARGE_INPUT = 320  # pixels: from here on a step takes twice the memory that the reference's sizes were chosen for

# The reference's values for its vision transformers S, B and L: images of a batch, rates for one and several labels.
_TRANSFORMERS = ((128, 0.0125, 0.025), (48, 0.0125, 0.025), (10, 0.001, 0.002))


def kind_of(family: str) -> str:
    """Return convolutional, transformer or mlp."""
    return "convolutional" if family in CONVOLUTIONAL else "mlp" if family in MLPS else "transformer"


def size_of(parameters: int, side: int) -> int:
    """Return 0, 1 or 2 for a network that needs as much memory as the reference's vision transformers S, B or L."""
    size = 0 if parameters < 50 * _MILLION else 1 if parameters < 200 * _MILLION else 2
    return min(2, size + (side > _LARGE_INPUT))


def defaults_of(kind: str, size: int) -> dict[str, Any]:
    """Return the defaults of a network by its kind and size, as a manifest has them; empty for the reference's own."""
    batch, single, several = _TRANSFORMERS[size]
    batches = {"*": {"training_batch_size": batch, "validation_batch_size": batch}}
    if kind == "convolutional" and size == 0:
        return {}
    if kind == "convolutional" and size == 1:
        return batches
    return {
        **batches,
        "image_classification": {"learning_rate": single},
        "image_classification_multilabel": {"learning_rate": several},
    }
