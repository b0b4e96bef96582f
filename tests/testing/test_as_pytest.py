"""The checks as tests of pytest, and from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from vistry.cli import main

WritePlugin = Callable[..., Path]
MISCOUNTED = ("plugin.toml", "parameters = 416456", "parameters = 10")
TESTS = """
from vistry.testing import plugin_checks

test_strict = plugin_checks("mynet", expected={
    ("mynet", "parameter_count_is_as_declared"): "counted by hand",
    ("mynet", "predictions_have_the_right_shape"): "it was so last year",
})
test_plain = plugin_checks("mynet")
"""


def test_each_check_is_a_test(plugin: WritePlugin, tmp_path: Path) -> None:
    folder = plugin(MISCOUNTED)
    (tmp_path / "test_mynet.py").write_text(TESTS)
    some = "manifest_is_valid or predictions_have_the_right_shape or parameter_count_is_as_declared or backends_agree"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_mynet.py", "-k", some],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    for line in (
        "PASSED test_mynet.py::test_plain[vistry-mynet-manifest_is_valid]",
        "PASSED test_mynet.py::test_plain[mynet-predictions_have_the_right_shape]",
        "XFAIL test_mynet.py::test_strict[mynet-parameter_count_is_as_declared] - counted by hand",
        "Built for four classes it gives one finite prediction an image; a classifier's has a value for each class.",
        "the check was expected to fail (it was so last year) but passes; remove it from the expected failures",
        "plugin checks: vistry-mynet: 2 run, 0 skipped, 0 expected to fail; "
        "mynet: 4 run (2 failed), 0 skipped, 1 expected to fail",
    ):
        assert line in lines, done.stdout
    assert not any("SKIPPED" in line or "backends_agree" in line for line in lines), "it has one backend"
    assert "2 failed, 3 passed, 36 deselected, 1 xfailed" in lines[-1]


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "check", *arguments])


class TestTheCommand:
    def test_a_table_and_a_last_line(self, plugin: WritePlugin) -> None:
        plugin()
        done = check("mynet")
        lines = done.stdout.splitlines()
        assert done.exit_code == 0
        assert lines[0].split() == ["model", "check", "result"]
        assert lines[1] == "vistry-mynet  manifest_is_valid                    passed"
        assert "mynet         backends_agree                       skipped: the model has one backend, torch" in lines
        assert lines[-1].endswith("; mynet: 16 run, 5 skipped, 0 expected to fail")

    def test_a_failure(self, plugin: WritePlugin) -> None:
        plugin(MISCOUNTED)
        done = check("mynet")
        assert done.exit_code == 1
        assert (
            "mynet: parameter_count_is_as_declared failed: image_classification: plugin.toml says parameters = 10, but "
            "with 1000 classes the model has 416456; correct the number" in done.stdout.splitlines()
        )

    def test_an_expected_failure(self, plugin: WritePlugin) -> None:
        plugin(MISCOUNTED)
        done = check("vistry-mynet", "--expect", "mynet:parameter_count_is_as_declared=by hand", "--heavy", "smallest")
        assert done.exit_code == 0
        assert "mynet         parameter_count_is_as_declared       expected: by hand" in done.stdout.splitlines()

    def test_json(self, plugin: WritePlugin) -> None:
        plugin(("plugin.toml", "license", "licence"))
        done = check("mynet", "--json")
        found = json.loads(done.stdout)
        assert done.exit_code == 1
        assert (found["schema"], found["plugin"]) == (1, "mynet")
        result, *others = found["checks"]
        assert {other["status"] for other in others} == {"skipped"}
        assert {other["reason"] for other in others} == {"the plugin is invalid, see manifest_is_valid"}
        assert (result["subject"], result["check"], result["status"]) == ("vistry-mynet", "manifest_is_valid", "failed")
        assert "'licence' is not a known key" in result["reason"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--quick"], "--heavy, --backend and --expect need the NAME or FOLDER of a plugin"),
            (
                ["--pairs", "mynet", "mynet", "--quick"],
                "--pairs takes the names of two plugins, and no other option but",
            ),
            (
                ["mynet", "--quick", "--heavy", "all"],
                "--quick computes the smallest model only, and --heavy all computes",
            ),
            (["mynet", "--model", "mynt"], "error: there is no model 'mynt' to check; did you mean 'mynet'?"),
            (["mynet", "--check", "loss"], "error: there is no check 'loss'; there are manifest_is_valid, "),
            (
                ["./mynet"],
                "/mynet has no pyproject.toml, so it is no plugin; to begin one type: vistry plugins new NAME",
            ),
            (["mynet", "--expect", "mynet:x"], "error: invalid --expect 'mynet:x'; write MODEL:CHECK=REASON"),
            (["mynet", "--expect", "mynet:x=y"], "error: expected: unknown check 'x'"),
            (["mynt"], "error: no plugin 'mynt' is installed; did you mean 'mynet'?"),
        ],
    )
    def test_a_wrong_call(self, plugin: WritePlugin, arguments: list[str], message: str) -> None:
        plugin()
        done = check(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr

    def test_a_disabled_plugin_is_checked_if_named(self, plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
        plugin(("plugin.toml", "license", "licence"))
        monkeypatch.setenv("VISTRY_DISABLE", "mynet")
        assert "licence" in check("mynet").stdout
