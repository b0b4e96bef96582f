"""EfficientNet-Lite for torch, built by the package efficientnet-lite-pytorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.plugin import ModelCard, Values, hookimpl

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values) -> nn.Module:
    """Build the network that the card's `args` name: images [N, 3, H, W] to logits [N, num_classes].

    Without an `image_size` its padding follows each image, so that every crop size is padded correctly.
    """
    from efficientnet_lite_pytorch import EfficientNet

    model: nn.Module = EfficientNet.from_name(
        card.args["variant"],
        num_classes=num_classes,
        image_size=None,
        batch_norm_momentum=0.9,  # the package's 0.99 needs hundreds of steps to follow the weights
        drop_connect_rate=hyperparameters["drop_connect_rate"],
    )
    return model
