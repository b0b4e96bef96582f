"""A package that can be called, because a function of `vistry` has the package's name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType


class CallablePackage(ModuleType):
    """A package with the name of a function: `vistry.runs()` lists runs, and `vistry.runs.folder` is a module.

    Python sets an imported package as an attribute of its parent, so that it takes the function's place there. A
    package becomes callable by `sys.modules[__name__].__class__ = CallablePackage`; type checkers see the function.
    """

    def __call__(self, *arguments: object, **options: object) -> object:
        """Call the function of this name, which is where `vistry.HOME` says."""
        name = self.__name__.rpartition(".")[2]
        function: Callable[..., object] = getattr(import_module(import_module("vistry").HOME[name]), name)
        return function(*arguments, **options)
