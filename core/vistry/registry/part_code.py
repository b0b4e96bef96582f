"""The code of a part: imported when it is used, and named where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from vistry.errors import VistryError
from vistry.registry.parts import AnyPart
from vistry.registry.plugin_code import BrokenPluginError, PluginCode, is_fault


def load_code(part: AnyPart, reference: str) -> Any:
    """Import what `module:name` names. Raises BrokenPluginError."""
    module_name, _, name = reference.partition(":")
    with guarded(part):
        module: Any = import_module(module_name)
    if name and not hasattr(module, name):
        raise broken(part, f"{module_name} has no '{name}'")
    code: Any = getattr(module, name) if name else module
    return code


@contextmanager
def guarded(part: AnyPart, passing: type[Exception] = VistryError) -> Iterator[None]:
    """Turn an exception of a plugin's code into BrokenPluginError with file and line; core's and `passing` pass."""
    try:
        yield
    except (VistryError, passing):
        raise
    except (Exception, SystemExit) as error:
        # A fault of core's own is no plugin's, and its traceback is what its developers need.
        if part.plugin is None or not is_fault(error):
            raise
        raise PluginCode(part.plugin, f"[{part.spec.kind}.{part.name}]", None).fault(error) from error


def broken(part: AnyPart, reason: str) -> VistryError:
    """The error of a part whose code isn't what it has to be."""
    sentence = f"[{part.spec.kind}.{part.name}] failed: {reason}"
    if part.plugin is None:
        return VistryError(sentence)
    return BrokenPluginError(part.plugin, sentence, f"correct it, or use another {part.spec.noun}")
