"""What a column of a table can be said to be."""

from __future__ import annotations

ROLES = ("image", "label", "split", "xmin", "ymin", "xmax", "ymax", "width", "height", "box")
