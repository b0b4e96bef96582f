"""Weights files: where they are, reading them, and whether they fit a model."""

from __future__ import annotations

import sys

from vistry.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
