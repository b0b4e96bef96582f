"""The plugin API is the one that is frozen for its version, and it only grows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from vistry.plugin.calls import HOOK_NAMES
from vistry.registry.manifest import API

CHECKOUT = Path(__file__).parents[2]
FROZEN = CHECKOUT / "tests" / "frozen"
COMMAND = "python docs/generate/plugin_api.py"
HELP = f"""The plugin API differs from tests/frozen/plugin_api_{API[0]}_{API[1]}.txt.

Growing is a new name, a new hook, a new argument with a default, or a new field with a default: raise the minor version
in vistry/registry/manifest.py, and write the new file with `{COMMAND} > tests/frozen/plugin_api_<major>_<minor>.txt`.
Any other difference breaks plugins that exist: take it back."""


@pytest.fixture(scope="module")
def current() -> list[str]:
    script = CHECKOUT / "docs" / "generate" / "plugin_api.py"
    done = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def frozen(minor: int) -> list[str]:
    return (FROZEN / f"plugin_api_{API[0]}_{minor}.txt").read_text(encoding="utf-8").splitlines()


def is_grown(old: str, new: str) -> bool:
    """Whether a signature has all of another's, in its order, and beyond that only arguments with defaults."""
    name, _, rest = old.partition("(")
    arguments, _, result = rest.rpartition(")")
    new_name, _, new_rest = new.partition("(")
    new_arguments, _, new_result = new_rest.rpartition(")")
    if (name, result) != (new_name, new_result) or not new_arguments.startswith(arguments):
        return False
    added = new_arguments.removeprefix(arguments)
    return not added or (added.startswith((", ", "*")) and " = " in added)


def test_the_api_is_the_frozen_one(current: list[str]) -> None:
    assert current == frozen(API[1]), HELP


def test_every_version_before_still_works(current: list[str]) -> None:
    for minor in range(API[1]):
        for old in frozen(minor):
            assert any(old == new or is_grown(old, new) for new in current), f"{old}\n\n{HELP}"


@pytest.mark.parametrize(
    ("new", "grown"),
    [
        ("f(a: int)", True),
        ("f(a: int, b: int = 0)", True),
        ("f(a: int, b: int)", False),
        ("f(b: int)", False),
        ("f()", False),
        ("f(a: int) -> str", False),
        ("g(a: int)", False),
    ],
)
def test_growing_is_an_argument_with_a_default(new: str, grown: bool) -> None:
    assert is_grown("f(a: int)", new) == grown


def test_every_hook_and_every_exported_name_is_listed(current: list[str]) -> None:
    from vistry import flax_layers, kernels, plugin, testing, torch_layers
    from vistry.plugin import detection

    assert [line.split("(")[0] for line in current if line.startswith("hook ")] == sorted(
        f"hook {name}" for name in HOOK_NAMES
    )
    text = "\n".join(current)
    for face in (plugin, detection, torch_layers, flax_layers, kernels, testing):
        for name in face.__all__:
            assert f"{face.__name__}.{name}" in text
