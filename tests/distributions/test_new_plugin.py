"""What `vistry plugins new` writes is built into a wheel, installed, checked and trained, offline."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

DIGITS = Path(__file__).parents[1] / "frozen" / "digits"
pip = run_path(str(Path(__file__).with_name("conftest.py")))["pip"]


def test_a_new_plugin_is_built_installed_checked_and_trained(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = make_environment(wheels["vistry"])
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
    assert sum(result["status"] == "passed" for result in results) == 19

    sizes = [f"--{name}=16" for name in ("training_crop_size", "validation_crop_size", "validation_resize_size")]
    arguments = ["--model", "my_net", "--data", str(DIGITS), "--number_of_epochs", "1", *sizes, "--json"]
    trained = environment.run("vistry", "train", "--task", "multiclass", *arguments, OMP_NUM_THREADS="1")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["status"] == "completed"
