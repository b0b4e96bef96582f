"""Layers for Flax NNX that hold torch's tensors, so that a model has one set of weights whichever engine trains it.

Names, shapes and meaning are torch's (`weight` of a convolution [O, I / groups, kH, kW], of a linear layer [O, I]);
maps are [N, H, W, C]. A module whose attributes are called as torch's has the same state names by construction.

Plugins import from here, and not from the files below.
"""

from vistry.flax_layers.convolution import Conv
from vistry.flax_layers.initialisation import (
    Initial,
    InitialValues,
    normal,
    normal_by_fan_out,
    ones,
    uniform_by_fan_in,
    zeros,
)
from vistry.flax_layers.layers import Linear, Sequential
from vistry.flax_layers.nms import batched_nms
from vistry.flax_layers.normalisation import BatchNorm, LayerNorm, current_valid_rows, valid_rows
from vistry.flax_layers.pooling import average_pool, max_pool
from vistry.flax_layers.residual import padded_conv, residual_stages

__all__ = [
    "BatchNorm",
    "Conv",
    "Initial",
    "InitialValues",
    "LayerNorm",
    "Linear",
    "Sequential",
    "average_pool",
    "batched_nms",
    "current_valid_rows",
    "max_pool",
    "normal",
    "normal_by_fan_out",
    "ones",
    "padded_conv",
    "residual_stages",
    "uniform_by_fan_in",
    "valid_rows",
    "zeros",
]
