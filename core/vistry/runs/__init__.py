"""What a run leaves on disk, and finding it again."""

from __future__ import annotations

import sys

from vistry.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
