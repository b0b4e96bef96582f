"""A run's model in a format that other programs read: exporters by name, and the check that each export passes."""

from __future__ import annotations

import sys

from vistry.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
