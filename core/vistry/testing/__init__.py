"""The kit for plugin authors: checks that every plugin has to pass, as tests of pytest or as records."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistry.testing.as_pytest import plugin_checks as plugin_checks
    from vistry.testing.check import CheckFailed as CheckFailed
    from vistry.testing.check import NothingToCheck as NothingToCheck
    from vistry.testing.check_runs import CheckRun as CheckRun
    from vistry.testing.check_runs import Result as Result
    from vistry.testing.check_runs import check_runs_of as check_runs_of
    from vistry.testing.check_runs import counts as counts
    from vistry.testing.meta_device import without_norms as without_norms
    from vistry.testing.model_subject import cards_of as cards_of

_HOME = {
    "CheckFailed": "vistry.testing.check",
    "NothingToCheck": "vistry.testing.check",
    "Result": "vistry.testing.check_runs",
    "CheckRun": "vistry.testing.check_runs",
    "counts": "vistry.testing.check_runs",
    "plugin_checks": "vistry.testing.as_pytest",
    "check_runs_of": "vistry.testing.check_runs",
    "without_norms": "vistry.testing.meta_device",
    "cards_of": "vistry.testing.model_subject",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vistry.testing' has no attribute '{name}'")
