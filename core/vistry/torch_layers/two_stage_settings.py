"""The settings of two-stage detectors, torchvision's own, for either engine; they need no tensor library."""

from __future__ import annotations

# Of the maps that the pyramid is built on, C2 to C5 of Lin et al. (2017).
STRIDES = (4, 8, 16, 32)
# One size a level, each twice the last as the strides are, in pixels of the image the network is given.
ANCHOR_SIZES = ((32,), (64,), (128,), (256,), (512,))
ASPECT_RATIOS = (0.5, 1.0, 2.0)
# Bins along each side of a region that its class and box are computed of.
BOX_BINS = 7
