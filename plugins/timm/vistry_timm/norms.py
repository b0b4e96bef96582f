"""timm's batch norms with an activation in them, as norms that a detector can exchange."""

from __future__ import annotations

from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d
from vistry.torch_layers import GroupNorm, exchanged


def with_exchangeable_norms(network: nn.Module) -> nn.Module:
    """Let each norm with an activation keep it where a detector exchanges the norm; return the network."""
    for module in network.modules():
        if type(module) is BatchNormAct2d:
            module.__class__ = ActivatedBatchNorm
    return network


class ActivatedBatchNorm(BatchNormAct2d):
    """timm's norm, which knows what takes its place."""

    def exchanged(self, kind: str) -> nn.Module:
        """Return the norm of another kind, with the activation of this one behind it."""
        plain = nn.BatchNorm2d(self.num_features, self.eps)
        plain.load_state_dict({name: value for name, value in self.state_dict().items() if name in plain.state_dict()})
        norm = exchanged(plain, kind)
        norm.__class__ = ActivatedGroupNorm if kind == "group" else ActivatedFrozenNorm
        norm.drop, norm.act = self.drop, self.act
        return norm


class ActivatedGroupNorm(GroupNorm):
    """Group norm, then an activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the same shape."""
        out: Tensor = self.act(self.drop(super().forward(x)))
        return out


class ActivatedFrozenNorm(FrozenBatchNorm2d):  # type: ignore[misc]  # torchvision has no types
    """Batch norm whose tensors stay as they are, then an activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the same shape."""
        out: Tensor = self.act(self.drop(super().forward(x)))
        return out
