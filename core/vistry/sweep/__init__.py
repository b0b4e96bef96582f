"""Many trainings in search of a good one: a folder of runs, from which anybody who holds it can go on."""

from __future__ import annotations

import sys

from vistry.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
