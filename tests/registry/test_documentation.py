"""docs/reference/registry.md and the checkout's registry.toml say what is so."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import vistry
from click.testing import CliRunner
from vistry.answers import ANSWERS
from vistry.cli import main
from vistry.registry.catalogue import Catalogue
from vistry.registry.filters import FILTER_NAMES
from vistry.registry.manifest import WeightsSpec
from vistry.registry.policy import read_layer
from vistry.registry.records import State
from vistry.registry.typed_toml import read_table
from vistry.registry.unmatched_policy import notices

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "reference" / "registry.md").read_text()
EXAMPLES = re.findall(r"<!-- checked: vistry ([^\n]*) -->\n```json\n(.*?)```", PAGE, re.DOTALL)


def is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and is_part(part[key], whole[key]) for key in part)
    return bool(part == whole)


@pytest.mark.parametrize(("command", "example"), EXAMPLES)
def test_a_json_example_is_what_the_command_prints(command: str, example: str) -> None:
    printed = json.loads(CliRunner().invoke(main, shlex.split(command)).stdout)
    assert set(json.loads(example)) == set(printed)
    assert is_part(json.loads(example), printed)


def test_there_are_examples_of_every_noun() -> None:
    assert {command.split()[0] for command, _ in EXAMPLES} == {"models", "hyperparameters", "plugins", "tasks"}


def test_the_example_session_is_what_is_printed() -> None:
    [(command, printed)] = re.findall(r"\$ vistry ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
    assert CliRunner().invoke(main, shlex.split(command)).stdout == printed


def test_the_python_example_runs() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/reference/registry.md", "exec"), {})


def test_the_registry_toml_of_the_page_is_in_force_as_it_says() -> None:
    [text] = re.findall(r"<!-- checked: registry.toml -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    Path("registry.toml").write_text(text)
    catalogue = Catalogue.read()
    default = catalogue.default_model("image_classification")
    assert default is not None
    assert default.name == "mobilenetv2"
    assert vistry.model("lab").name == "resnet50"
    assert vistry.hyperparameters("resnet50", "multiclass").defaults()["learning_rate"] == 0.005
    assert vistry.hyperparameters("small", "multiclass").defaults()["learning_rate"] == 0.02
    assert vistry.hyperparameters("resnet50", "multilabel").defaults()["early_stopping_patience"] == 8
    disabled, last = notices(catalogue)
    assert disabled.startswith(f"{Path.cwd()}/registry.toml:2: no plugin 'vistry-acme' is installed; ")
    assert last.startswith(f"{Path.cwd()}/registry.toml:4: no plugin 'vistry-house-policy' is installed")


def test_the_published_weights_of_the_page_are_right() -> None:
    [text] = re.findall(r"<!-- checked: published weights -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    spec, faults = read_table(WeightsSpec, tomllib.loads(text)["models"]["acmenet"]["weights"]["imagenet"])
    assert faults == []
    assert spec is not None
    assert spec.package_and_file == ("acme_weights", "models/acmenet.safetensors")


def test_the_page_names_every_state_filter_and_variable() -> None:
    for name in get_args(State):
        assert f"\n| {name} | " in PAGE
    for name in FILTER_NAMES:
        assert f"\n| `{name}` | " in PAGE or (name.startswith("exclude_") and f"`{name}`" in PAGE)
    for name in ANSWERS:
        assert f"`{name}`" in PAGE
    source = "".join(path.read_text() for path in (CHECKOUT / "core" / "vistry" / "registry").glob("*.py"))
    for name in set(re.findall(r'"(VISTRY_[A-Z_]+)"', source)) - {"VISTRY_COMMAND_LINE_REGISTRY"}:
        assert f"\n| `{name}` | " in PAGE


def test_the_checkouts_own_policy_sets_nothing() -> None:
    path = CHECKOUT / "registry.toml"
    assert read_layer(path).tables == read_layer(_empty()).tables


def test_each_key_the_checkouts_policy_mentions_may_be_set() -> None:
    text = (CHECKOUT / "registry.toml").read_text()
    commented = [line[2:] for line in text.splitlines() if re.match(r"# (\[|\w+ = )", line)]
    Path("all.toml").write_text("\n".join(commented))
    assert set(tomllib.loads("\n".join(commented))) == {
        "plugins",
        "prefer",
        "aliases",
        "defaults",
        "models",
        "weights",
        "kernels",
    }
    assert read_layer(Path("all.toml")).tables.plugins.disable == ("resnet",)


def _empty() -> Path:
    path = Path("empty.toml")
    path.touch()
    return path
