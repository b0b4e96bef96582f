"""HGNetV2, the convolutional backbone of D-FINE and of the small sizes of DEIMv2, in transformers' terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class HGNet(NamedTuple):
    """The widths of a backbone: its stem, and of each stage the channels it takes, works in and gives.

    `blocks` and `kernels`: of each stage. `layers`: of each block. `outputs`: the stages, from 1, whose maps are used.
    `affine`: whether activations have a learned scale and bias.
    """

    stem: tuple[int, int]
    working: Sequence[int]
    given: Sequence[int]
    blocks: Sequence[int]
    layers: int
    outputs: Sequence[int]
    kernels: Sequence[int] = (3, 3, 5, 5)
    affine: bool = True

    def config(self) -> Any:
        """Return transformers' configuration of it."""
        from transformers import HGNetV2Config

        stages = len(self.given)
        return HGNetV2Config(
            stem_channels=[3, *self.stem],
            stage_in_channels=[self.stem[-1], *self.given[:-1]],
            stage_mid_channels=list(self.working),
            stage_out_channels=list(self.given),
            stage_num_blocks=list(self.blocks),
            stage_downsample=[False, True, True, True][:stages],
            stage_light_block=[False, False, True, True][:stages],
            stage_kernel_size=list(self.kernels),
            stage_numb_of_layers=[self.layers] * stages,
            hidden_sizes=list(self.given),
            depths=[self.layers] * stages,
            use_learnable_affine_block=self.affine,
            out_indices=list(self.outputs),
        )

    @property
    def channels(self) -> list[int]:
        """The channels of the maps that are used."""
        return [self.given[stage - 1] for stage in self.outputs]


B0 = HGNet((16, 16), (16, 32, 64, 128), (64, 256, 512, 1024), (1, 1, 2, 1), 3, (2, 3, 4))
B2 = HGNet((24, 32), (32, 64, 128, 256), (96, 384, 768, 1536), (1, 1, 3, 1), 4, (2, 3, 4))
B4 = HGNet((32, 48), (48, 96, 192, 384), (128, 512, 1024, 2048), (1, 1, 3, 1), 6, (2, 3, 4), affine=False)
B5 = HGNet((32, 64), (64, 128, 256, 512), (128, 512, 1024, 2048), (1, 2, 5, 2), 6, (2, 3, 4), affine=False)
ATTO = HGNet((16, 16), (16, 32, 64), (64, 256, 256), (1, 1, 1), 3, (3,), kernels=(3, 3, 3))
FEMTO = HGNet((16, 16), (16, 32, 64), (64, 256, 512), (1, 1, 1), 3, (3,), kernels=(3, 3, 5))
PICO = HGNet((16, 16), (16, 32, 64), (64, 256, 512), (1, 1, 2), 3, (3,), kernels=(3, 3, 5))
