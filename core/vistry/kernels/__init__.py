"""Kernels: fast implementations of operations, each with a reference in plain torch that it must agree with.

A plugin's model calls `operation(name)` when it is built, and then what that returns. Tests of a kernel use
`kernels_for` and `disagreements`. Plugins import these names from here, and not from the files below; each is loaded
when it is used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vistry.callable_package import CallablePackage
from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.kernels.agreement import disagreements as disagreements
    from vistry.kernels.agreement import disagreements_on as disagreements_on
    from vistry.kernels.dispatch import Argument as Argument
    from vistry.kernels.dispatch import Implementation as Implementation
    from vistry.kernels.dispatch import Operation as Operation
    from vistry.kernels.dispatch import operation as operation
    from vistry.kernels.table import Kernel as Kernel
    from vistry.kernels.table import kernels_for as kernels_for

_HOMES = {
    "Argument": "vistry.kernels.dispatch",
    "Implementation": "vistry.kernels.dispatch",
    "Kernel": "vistry.kernels.table",
    "Operation": "vistry.kernels.dispatch",
    "disagreements": "vistry.kernels.agreement",
    "disagreements_on": "vistry.kernels.agreement",
    "kernels_for": "vistry.kernels.table",
    "operation": "vistry.kernels.dispatch",
}
__all__ = list(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
sys.modules[__name__].__class__ = CallablePackage
