"""Two plugins with each other: what clashes is found, and what goes together is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.testing import Result
from vistry.testing.pair_checks import PAIR_CHECKS

WritePlugin = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("alone")


def pair(first: str, second: str) -> dict[str, Result]:
    results = vistry.check_plugin_pair(first, second)
    assert [result.check for result in results] == [check.name for check in PAIR_CHECKS]
    assert {result.subject for result in results} == {f"{first} + {second}"}
    return {result.check: result for result in results}


def test_two_classifiers_have_little_to_do_with_each_other(plugin: WritePlugin) -> None:
    plugin()
    plugin(name="other")
    results = pair("mynet", "other")
    assert {name: result.reason for name, result in results.items() if result.status == "skipped"} == {
        "compositions_learn": "neither has models on feature maps of the other",
        "wrappers_break_nothing": "neither wraps hooks",
        "kernels_are_compatible": "they have no kernels for the same operation",
    }
    assert results["names_are_distinct"].status == "passed"


def test_a_name_of_both(plugin: WritePlugin) -> None:
    plugin()
    plugin(("plugin.toml", "[models.other]", "[models.mynet]"), name="other")
    result = pair("mynet", "other")["names_are_distinct"]
    assert result.status == "failed"
    assert result.reason == (
        "vistry-mynet and vistry-other both offer mynet, which can then be named in full only; rename one, or choose "
        "in registry.toml under [prefer]"
    )


def test_a_detector_on_a_backbone(plugin: WritePlugin) -> None:
    plugin(kind="backbone")
    plugin(name="my_detector", kind="detector")
    result = pair("mynet", "my_detector")["compositions_learn"]
    assert (result.status, result.reason) == ("passed", "my_detector_mynet")


def test_a_detector_that_does_not_go_with_a_backbone(plugin: WritePlugin) -> None:
    plugin(("hooks.py", '("stage1", "stage2", "stage3", "stage4")', '("stage1", "stage2", "stage3")'), kind="backbone")
    plugin(name="my_detector", kind="detector")
    result = pair("my_detector", "mynet")["compositions_learn"]
    assert result.status == "failed"
    assert result.reason.startswith("my_detector_mynet for image_object_detection fails: ")


def test_a_policy_around_a_model(plugin: WritePlugin) -> None:
    plugin()
    plugin(name="my_policy", kind="policy")
    assert pair("mynet", "my_policy")["wrappers_break_nothing"].status == "passed"


def test_a_policy_that_breaks_a_model(plugin: WritePlugin) -> None:
    plugin()
    plugin(("hooks.py", '_patience": 10', '_patience": -10'), name="my_policy", kind="policy")
    result = pair("mynet", "my_policy")["wrappers_break_nothing"]
    assert result.status == "failed"
    assert "mynet/mynet of vistry-mynet" in result.reason
    assert "early_stopping_patience = -10" in result.reason


def test_kernels_for_one_operation(plugin: WritePlugin) -> None:
    plugin(kind="kernel")
    plugin(("plugin.toml", "other_hard_swish", "mynet_hard_swish"), name="other", kind="kernel")
    result = pair("mynet", "other")["kernels_are_compatible"]
    assert result.status == "failed"
    assert result.reason.startswith(
        "kernels for 'mynet_hard_swish' must share one reference implementation, got vistry_mynet.reference:hard_swish"
    )


def test_a_pair_that_is_none(plugin: WritePlugin) -> None:
    plugin()
    plugin(("plugin.toml", "license", "licence"), name="other")
    with pytest.raises(RegistryError, match="'mynet' and 'vistry-mynet' are one plugin; name two"):
        vistry.check_plugin_pair("mynet", "vistry-mynet")
    with pytest.raises(RegistryError, match="no plugin 'mynt' is installed; did you mean 'mynet'"):
        vistry.check_plugin_pair("mynt", "other")
    with pytest.raises(RegistryError, match="other is invalid: .*'licence' is not a known key"):
        vistry.check_plugin_pair("mynet", "other")
