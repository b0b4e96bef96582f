"""What `vistry plugins new` writes is built into a wheel, installed, checked and trained, offline."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from vistry.testing.new_plugin import KINDS

DIGITS = Path(__file__).parents[1] / "frozen" / "digits"
pip = run_path(str(Path(__file__).with_name("conftest.py")))["pip"]


@pytest.fixture(scope="module")
def environment(make_environment: Callable[..., Any], wheels: dict[str, Path]) -> Any:
    return make_environment(wheels["vistry"])


def test_a_new_plugin_is_built_installed_checked_and_trained(environment: Any, tmp_path: Path) -> None:
    written = environment.run("vistry", "plugins", "new", "my_net", cwd=tmp_path)
    assert written.returncode == 0, written.stderr

    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(tmp_path / "vistry-my-net"))
    [wheel] = tmp_path.glob("*.whl")
    packed = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(packed) == [f"vistry_my_net/{name}" for name in ("hooks.py", "model.py", "plugin.toml")]
    pip("--python", str(environment.folder / "bin" / "python"), "install", str(wheel))

    checked = environment.run("vistry", "plugins", "check", "my_net", "--json", OMP_NUM_THREADS="1")
    results = json.loads(checked.stdout)["checks"]
    assert [result for result in results if result["status"] == "failed"] == []
    assert checked.returncode == 0
    assert sum(result["status"] == "passed" for result in results) == 21

    sizes = [f"--{name}=16" for name in ("training_crop_size", "validation_crop_size", "validation_resize_size")]
    arguments = ["--model", "my_net", "--data", str(DIGITS), "--number_of_epochs", "1", *sizes, "--json"]
    trained = environment.run("vistry", "train", "--task", "multiclass", *arguments, OMP_NUM_THREADS="1")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["status"] == "completed"


@pytest.mark.parametrize("kinds", [("reader",), pytest.param(KINDS[1:], marks=pytest.mark.long)], ids=len)
def test_the_test_files_of_the_other_kinds_pass(kinds: tuple[str, ...], environment: Any, tmp_path: Path) -> None:
    """Together, so that the detector has a backbone to stand on and the policy models to wrap.

    All but the reader are for the long tests: two take a minute to train, and the kernel half of one to interpret;
    tests/testing/test_new_plugin.py checks them before they are installed.
    """
    folders = []
    for kind in kinds:
        written = environment.run("vistry", "plugins", "new", f"my_{kind}", "--kind", kind, cwd=tmp_path)
        assert written.returncode == 0, written.stderr
        folders.append(tmp_path / f"vistry-my-{kind}")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), *map(str, folders))
    pip("--python", str(environment.folder / "bin" / "python"), "install", *map(str, tmp_path.glob("*.whl")))
    tests = [str(path) for folder in folders for path in folder.glob("tests/*.py")]
    options = ["-q", "-rs", "-p", "no:cacheprovider"]
    done = environment.run("python", "-m", "pytest", *options, *tests, cwd=tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1], done.stdout
