"""The checks as tests of pytest."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from vistry.testing.check import CheckFailed, NothingToCheck
from vistry.testing.check_runs import Expected, Heavy, Result, Trial, counts, trials_of

_NAME = "vistry-plugin-checks"


class _Summary:
    """Prints, at the end of the session, what was checked."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The counts of each model in one line."""
        terminalreporter.write_line(f"plugin checks: {counts(self.results)}")


def plugin_checks(
    name: str, *, expected: Expected | None = None, heavy: Heavy = "all", backend: str | None = None
) -> Callable[..., None]:
    """The tests of an installed plugin, one for each model and check: `test_plugin = plugin_checks("mynet")`.

    A check that has nothing to look at, such as kernels that aren't there, gives no test.
    `expected` maps (model, check), or (distribution, check), to the reason why it fails; if it passes, the test fails.
    `heavy` = "smallest" computes the family's smallest model only, for the first of its tasks; of the others it checks
    what needs no arithmetic. `backend` is the one to compute in, by default each model's first. Raises RegistryError
    for a plugin, a model, a check or a backend that isn't there.
    """
    import pytest

    @pytest.mark.parametrize("trial", _applying(trials_of(name, expected, heavy, backend)), ids=str)
    def test(trial: Trial, request: pytest.FixtureRequest) -> None:
        manager = request.config.pluginmanager
        if not manager.has_plugin(_NAME):
            manager.register(_Summary(), _NAME)
        result = trial.result()
        manager.get_plugin(_NAME).results.append(result)  # type: ignore[union-attr]
        if result.status == "skipped":
            pytest.skip(result.reason)
        elif result.status == "expected":
            pytest.xfail(result.reason)
        elif result.status == "failed":
            pytest.fail(f"{trial.check.sentence}\n{result.reason}{_traceback(result)}", pytrace=False)

    return test


def _applying(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.applies]


def _traceback(result: Result) -> str:
    """Where an exception that no check foresaw came from."""
    if result.error is None or isinstance(result.error, (CheckFailed, NothingToCheck)):
        return ""
    return "\n\n" + "".join(traceback.format_exception(result.error))
