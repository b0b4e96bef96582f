"""RetinaNet's settings (Lin et al., Focal Loss, 2017, sections 3 and 4), as in torchvision; for both libraries."""

from __future__ import annotations

STRIDES = (8, 16, 32)
SIZES = tuple((size, int(size * 2 ** (1 / 3)), int(size * 2 ** (2 / 3))) for size in (32, 64, 128, 256, 512))
ASPECTS = (0.5, 1.0, 2.0)
# Of an anchor with an object: below the first it is background, from the second on it is the object's.
OVERLAPS = (0.4, 0.5)
CANDIDATES = 1000
"""The boxes of each level, at most, that non-maximum suppression is given."""
ALPHA, GAMMA = 0.25, 2.0
PRIOR = 0.01
"""The probability of every class at every anchor before training."""
