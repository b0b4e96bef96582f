"""A policy installed by pip beside models of others: it changes their defaults, vetoes, and is named for both."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "examples" / "vistry-house-policy"
DEFAULTS = ("hyperparameters", "mobilenetv2", "--task", "multiclass")


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("policy")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *map(str, options), str(EXAMPLE)], check=True)
    [wheel] = folder.glob("*.whl")
    names = ("vistry", "vistry-mobilenetv2", "vistry-resnet", "vistry-retinanet")
    return make_environment(*(wheels[name] for name in names), wheel)


def by_name(environment: Any, **variables: str) -> dict[str, Any]:
    fields = environment.json(*DEFAULTS, **variables)["hyperparameters"]
    return {field["name"]: field for field in fields}


def test_it_halves_the_learning_rate_of_others_and_says_so(environment: Any) -> None:
    own, ours = by_name(environment, VISTRY_DISABLE="house_policy"), by_name(environment)
    assert ours["learning_rate"]["default"] == own["learning_rate"]["default"] / 2
    origin = ours["learning_rate"]["origin"]
    assert origin.startswith("vistry_default_hyperparameters of house_policy (")
    assert "/vistry_house_policy/hooks.py:" in origin
    changed = {name for name in own if own[name] != ours[name]}
    assert changed == {"learning_rate"}  # the model has fewer epochs than the rule allows


def test_it_vetoes_by_name_and_changes_nothing_that_is_set(environment: Any) -> None:
    train = ("vistry", "train", "--task", "multiclass", "--data", str(CHECKOUT / "tests" / "frozen" / "digits"))
    values = ("--model", "mobilenetv2", "--learning_rate", "0.5", "--weights", "none", "--dry-run", "--json")
    done = environment.run(*train, *values, "--number_of_epochs", "80")
    assert done.returncode == 2
    assert done.stderr == (
        "error: 1 problem with the hyperparameters:\n  - number_of_epochs: 80 is more than the 50 of a training here, "
        "says the plugin 'house_policy'; use at most 50\n"
    )


def test_it_shows_what_it_takes_part_in(environment: Any) -> None:
    shown = environment.json("plugins", "show", "house_policy")["plugin"]
    hooks = ("vistry_default_hyperparameters", "vistry_check_hyperparameters")
    assert shown["wraps"] == [{"hook": hook, "order": ["house_policy"]} for hook in hooks]
    assert "(1 of 1: house_policy)" in environment.run("vistry", "plugins", "show", "house_policy").stdout


def test_its_rules_are_ten_lines() -> None:
    text = (EXAMPLE / "vistry_house_policy" / "hooks.py").read_text()
    rule = text[text.index("@hookimpl") : text.index("@hookimpl", text.index("@hookimpl") + 1)]
    assert len([line for line in rule.splitlines() if line]) <= 10


def test_its_own_tests_pass(environment: Any, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = environment.run("python", "-m", "pytest", "-q", "tests", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout
