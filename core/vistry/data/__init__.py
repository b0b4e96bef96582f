"""From files on disk to typed tables and pixels."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vistry.data.doctor import Diagnosis as Diagnosis
    from vistry.data.doctor import examine as examine
    from vistry.data.images.decode import load_image as load_image
    from vistry.data.images.decode import load_pixels as load_pixels
    from vistry.data.reading import Reading as Reading
    from vistry.data.reading import read as read
    from vistry.data.splits import split as split
    from vistry.data.table import Table as Table

_HOME = {
    "Diagnosis": "vistry.data.doctor",
    "Reading": "vistry.data.reading",
    "Table": "vistry.data.table",
    "examine": "vistry.data.doctor",
    "load_image": "vistry.data.images.decode",
    "load_pixels": "vistry.data.images.decode",
    "read": "vistry.data.reading",
    "split": "vistry.data.splits",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vistry.data' has no attribute '{name}'")
