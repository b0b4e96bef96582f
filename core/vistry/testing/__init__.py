"""The kit for plugin authors: checks that every plugin has to pass, as tests of pytest or as records."""

from vistry.testing.as_pytest import plugin_checks
from vistry.testing.check import CheckFailed, NothingToCheck
from vistry.testing.check_runs import Result, Trial, counts, trials_of

__all__ = ["CheckFailed", "NothingToCheck", "Result", "Trial", "counts", "plugin_checks", "trials_of"]
