"""What has no gradient over a map of one place, and has one over four, is no fault of a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.testing import CheckRun, Result, check_runs_of

WritePlugin = Callable[..., Path]
MODEL, MANIFEST = "model.py", "plugin.toml"
SMALLER = ((MANIFEST, "widths = [32, 64, 128]", "widths = [8, 16, 24]"), (MANIFEST, "= 416456", "= 38104"))
LAYER = (
    MODEL,
    "        super().__init__()\n",
    "        super().__init__()\n        self.scale = nn.Parameter(torch.ones(24, 1, 1))\n",
)
# How a parameter takes part in the last map, which is of one place at the smallest input.
MIXED = {
    "pooling": "last + self.scale * (last - nn.functional.avg_pool2d(last, 3, 1, 1, count_include_pad=False))",
    "attention": "torch.softmax((self.scale * last).flatten(2), dim=2).view_as(last) * last",
}


def result(plugin: WritePlugin, mixed: str, *edits: tuple[str, str, str], side: int = 32) -> Result:
    last = f"last = nn.functional.avg_pool2d(self.stages(images), {side // 8})"
    forward = f"        {last}\n        features = ({mixed}).amax(dim=(2, 3))\n"
    plugin(*SMALLER, LAYER, (MODEL, "        features = self.stages(images).mean(dim=(2, 3))\n", forward), *edits)
    runs = [run for run in check_runs_of("mynet") if run.check.name == "loss_reaches_every_parameter"]
    [ended] = map(CheckRun.result, runs)
    return ended


@pytest.mark.parametrize("kind", ["pooling", "attention"])
def test_a_larger_input_is_tried_before_a_gradient_is_missed(plugin: WritePlugin, kind: str) -> None:
    assert result(plugin, MIXED[kind]).status == "passed"


def test_a_parameter_without_a_gradient_at_any_size_is_a_fault(plugin: WritePlugin) -> None:
    ended = result(plugin, "last + (0 * self.scale).detach()")
    assert ended.status == "failed", ended.reason
    assert "no gradient for scale" in ended.reason


def test_a_model_of_one_size_has_no_larger_input(plugin: WritePlugin) -> None:
    restricted = "\n[restrict.training_crop_size]\nreason = 'a fixed grid'\nchoices = [224]\n\n[models.mynet]\n"
    ended = result(plugin, MIXED["pooling"], (MANIFEST, "[models.mynet]\n", restricted), side=224)
    assert (ended.status, "no gradient for scale" in ended.reason) == ("failed", True)
