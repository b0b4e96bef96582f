"""The weights of the loss's terms, which torch and JAX share (docs/reference/yolov5.md, 6)."""

from __future__ import annotations

BOX_GAIN, OBJECTNESS_GAIN, CLASS_GAIN = 0.05, 1.0, 0.5
CLASSES_AT, LEVELS_AT = 80, 3
"""The numbers of classes and of levels for which the gains are given."""
BALANCE = (4.0, 1.0, 0.4)
"""The weight of each level's objectness, from fine to coarse."""
