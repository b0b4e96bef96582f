"""What both engines' Mask R-CNN have in common beyond Faster R-CNN; it needs no tensor library."""

from __future__ import annotations

# Bins along each side of a region that a mask is computed of, as in torchvision.
MASK_BINS = 14
# Of the first weights of the last layer, see `torch_model`.
MASK_LOGIT_STD = 0.001
