"""Kernels: fast implementations of operations, each with a plain reference that it has to agree with."""

from __future__ import annotations

import sys

from vistry.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
