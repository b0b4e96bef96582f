"""A machine without torch trains with JAX; a machine without JAX never notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HIDING = """
import sys
class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""
TRAINING = """
import vistry
run = vistry.train(sys.argv[1], task="multiclass", model={model!r}, backend={backend!r}, output=sys.argv[2],
                   number_of_epochs=2, learning_rate=0.01).run.folder
assert 0 <= vistry.evaluate(run, sys.argv[1]).metrics["accuracy"] <= 1
assert len(vistry.predict(run, sys.argv[1])) == 80
vistry.create("resnet18", task="multiclass", num_classes=3, backend={backend!r})
assert not {hidden!r} & set(sys.modules), {hidden!r} & set(sys.modules)
print("trained")
"""


@pytest.mark.parametrize(
    ("backend", "hidden"), [("jax", {"torch", "torchvision", "timm"}), ("torch", {"jax", "jaxlib", "flax", "optax"})]
)
def test_one_tensor_library_is_enough(backend: str, hidden: set[str], digits: Path, tmp_path: Path) -> None:
    program = (HIDING + TRAINING).format(hidden=hidden, backend=backend, model="twin")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(digits), str(tmp_path / "run")],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip().endswith("trained"), done.stderr
