"""Layers for Flax NNX that hold torch's tensors, so that a model has one set of weights whichever engine trains it.

Names, shapes and meaning are torch's (`weight` of a convolution [O, I / groups, kH, kW], of a linear layer [O, I]);
maps are [N, H, W, C]. A module whose attributes are called as torch's has the same state names by construction.
"""

from vistry.flax_layers.convolution import Conv
from vistry.flax_layers.linear import Linear
from vistry.flax_layers.nms import batched_nms
from vistry.flax_layers.normalisation import BatchNorm, LayerNorm
from vistry.flax_layers.pooling import average_pool, max_pool
from vistry.flax_layers.sequential import Sequential
from vistry.flax_layers.valid_rows import current_valid_rows, valid_rows

__all__ = [
    "BatchNorm",
    "Conv",
    "LayerNorm",
    "Linear",
    "Sequential",
    "average_pool",
    "batched_nms",
    "max_pool",
    "valid_rows",
    "current_valid_rows",
]
