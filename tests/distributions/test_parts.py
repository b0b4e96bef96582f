"""A plugin without models, installed by pip beside core alone: its parts are on offer, and no code runs for that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "examples" / "vistry-extras"
PARTS = {
    "optimizers": ["lion"],
    "schedules": ["polynomial"],
    "readers": ["listing"],
    "metrics": ["kappa"],
    "losses": ["confidence"],
    "augmentations": ["cutout"],
}
ASKING = """
import sys, vistry
fields = vistry.hyperparameters(None, "multiclass").fields
assert fields["optimizer"].spec.choices[-1] == "lion" and "polynomial_power" in fields
assert "kappa" in vistry.find_task("multiclass").primary_metrics
vistry.plugins(), vistry.models()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("extras")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *map(str, options), str(EXAMPLE)], check=True)
    [wheel] = folder.glob("*.whl")
    return make_environment(wheels["vistry"], wheel)


def test_they_are_listed(environment: Any) -> None:
    plugin = environment.json("plugins", "show", "extras")["plugin"]
    assert (plugin["state"], plugin["models"], plugin["parts"]) == ("ok", [], PARTS)
    shown = environment.run("vistry", "plugins", "show", "extras").stdout
    assert all(name in shown for names in PARTS.values() for name in names)
    assert "not on offer" not in shown


def test_a_query_runs_nothing_of_it(environment: Any) -> None:
    loaded = set(environment.python(ASKING).split())
    assert loaded.isdisjoint({"torch", "jax", "numpy", "vistry_extras"})


def test_they_are_in_the_help(environment: Any) -> None:
    text = environment.run("vistry", "train", "--help").stdout
    assert "listing" in text
    assert "kappa" in text


@pytest.mark.long  # tests/testing/test_part_checks.py runs the same checks on it uninstalled
def test_its_own_checks_pass(environment: Any) -> None:
    done = environment.run("vistry", "plugins", "check", "extras", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "parts_work" in done.stdout
