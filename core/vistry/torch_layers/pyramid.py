"""A feature pyramid on a backbone's maps (Lin et al., 2017)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from vistry.plugin.types import Backbone
from vistry.torch_layers.norms import with_norms

CHANNELS = 256


class Pyramid(nn.Module):
    """`body`, which makes the maps, and `fpn` over those at some strides, as torchvision's detectors name them."""

    out_channels = CHANNELS

    def __init__(self, backbone: Backbone, strides: Sequence[int], extra: ExtraFPNBlock, norms: str):
        super().__init__()
        self.body = with_norms(backbone.module, norms)
        self._used = [backbone.strides.index(stride) for stride in strides]
        channels = [backbone.channels[index] for index in self._used]
        self.fpn = FeaturePyramidNetwork(channels, CHANNELS, extra)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """[N, 3, H, W] to maps [N, 256, h, w] by name, from fine to coarse, the extra ones last."""
        maps = self.body(images)
        named = OrderedDict((str(place), maps[index]) for place, index in enumerate(self._used))
        found: dict[str, Tensor] = self.fpn(named)
        return found
