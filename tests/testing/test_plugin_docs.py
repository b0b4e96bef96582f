"""docs/reference/checks.md says what the kit does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vistry.testing import plugin_checks
from vistry.testing.all_checks import EVERY_CHECK
from vistry.testing.model_subject import SIDES
from vistry.testing.new_plugin import TEMPLATE
from vistry.testing.pair_checks import PAIR_CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "checks.md").read_text()


def block(name: str) -> str:
    [text] = re.findall(rf"<!-- checked: {name} -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_table_has_every_check_and_its_sentence() -> None:
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE) == [
        (check.name, check.sentence) for check in (*EVERY_CHECK, *PAIR_CHECKS)
    ]


def test_the_test_file_is_the_templates() -> None:
    assert (TEMPLATE / "shared" / "tests" / "test_mynet.py").read_text().endswith(block("the test of the template"))


def test_the_expected_failure_can_be_declared(plugin: Callable[..., Path]) -> None:
    plugin()
    names: dict[str, Any] = {"plugin_checks": plugin_checks}
    exec(block("an expected failure"), names)
    [trial] = [trial for trial in names["test_mynet"].pytestmark[0].args[1] if trial.expected]
    assert str(trial) == "mynet-frozen_batch_norm_stays"
    assert f'--expect "mynet:frozen_batch_norm_stays={trial.expected}"' in PAGE


def test_the_page_says_the_smallest_input() -> None:
    assert f"from {SIDES[0]} px up" in PAGE
