"""A feature pyramid on a backbone's maps (Lin et al., 2017)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from vistry.plugin.types import Backbone
from vistry.torch_layers.norms import with_norms
from vistry.torch_layers.precision import with_low_precision

CHANNELS = 256  # of every level, as in the paper


class Pyramid(nn.Module):
    """`body`, a backbone, and `fpn`, a pyramid on some of its maps: the names of torchvision's detectors."""

    out_channels = CHANNELS

    def __init__(self, backbone: Backbone, strides: Sequence[int], extra: ExtraFPNBlock, norms: str):
        """Build a pyramid on the backbone's maps at some strides.

        `extra`: the levels beyond the coarsest map. `norms`: the kind of norms in the backbone, see `with_norms`.
        """
        super().__init__()
        self.body = with_norms(backbone.module, norms)
        self._levels = [backbone.strides.index(stride) for stride in strides]
        channels = [backbone.channels[index] for index in self._levels]
        self.fpn = FeaturePyramidNetwork(channels, CHANNELS, extra)
        with_low_precision(self)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """[N, 3, H, W] to maps [N, 256, h, w] by name, from fine to coarse, the extra ones last."""
        maps = self.body(images)
        named = OrderedDict((str(level), maps[index]) for level, index in enumerate(self._levels))
        levels: dict[str, Tensor] = self.fpn(named)
        return levels
