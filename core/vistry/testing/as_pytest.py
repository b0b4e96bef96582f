"""The checks as pytest tests."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from typing import Any

from vistry.testing.check import CheckFailed, NothingToCheck
from vistry.testing.check_runs import CheckRun, Expected, Heavy, Result, check_runs_of, counts

_NAME = "vistry-plugin-checks"


class _Summary:
    """Prints the counts of all checks at the end of the session."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the counts of every model in one line."""
        terminalreporter.write_line(f"plugin checks: {counts(self.results)}")


def plugin_checks(
    name: str,
    *,
    expected: Expected | None = None,
    heavy: Heavy = "all",
    backend: str | None = None,
    models: Collection[str] = (),
) -> Callable[..., None]:
    """Return the tests of an installed plugin, one for each model and check: `test_plugin = plugin_checks("mynet")`.

    A check that doesn't apply, such as one of kernels for a plugin without any, gives no test.

    Args:
        name: the plugin, or its distribution.
        expected: the reasons why checks fail, by (model, check) or (distribution, check); if one passes, its test
            fails.
        heavy: "smallest" computes only the smallest model, for the first of its tasks; the other models get the checks
            that train and predict nothing.
        backend: the tensor library, by default the first of each model.
        models: the names of those to check, for a plugin with a thousand; none given means all.

    Raises:
        RegistryError: an unknown plugin, model, check or backend.
    """
    import pytest  # here, because `vistry plugins check` works without it

    runs = check_runs_of(name, expected, heavy=heavy, backend=backend, models=models)

    @pytest.mark.parametrize("run", _applying(runs), ids=str)
    def test(run: CheckRun, request: pytest.FixtureRequest) -> None:
        manager = request.config.pluginmanager
        if not manager.has_plugin(_NAME):
            manager.register(_Summary(), _NAME)
        result = run.result()
        manager.get_plugin(_NAME).results.append(result)  # type: ignore[union-attr]
        if result.status == "skipped":
            pytest.skip(result.reason)
        elif result.status == "expected":
            pytest.xfail(result.reason)
        elif result.status == "failed":
            pytest.fail(f"{run.check.sentence}\n{result.reason}{_traceback(result)}", pytrace=False)

    return test


def _applying(runs: list[CheckRun]) -> list[CheckRun]:
    return [run for run in runs if run.applies]


def _traceback(result: Result) -> str:
    """Return the traceback of an exception that no check raises on purpose."""
    if result.error is None or isinstance(result.error, (CheckFailed, NothingToCheck)):
        return ""
    return "\n\n" + "".join(traceback.format_exception(result.error))
