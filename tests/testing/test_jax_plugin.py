"""A plugin for JAX alone is checked as one for torch is, and docs/how-to/backends.md makes one of both."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from vistry.testing import check_runs_of
from vistry.testing.all_checks import MODEL_CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "backends.md").read_text()
MODEL = """
from flax import nnx


class Net(nnx.Module):
    def __init__(self, num_classes, dropout, seed, widths):
        rngs = nnx.Rngs(seed)
        self.stem = nnx.Conv(3, widths[0], (3, 3), strides=2, use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(widths[0], rngs=rngs)
        self.dropout = nnx.Dropout(dropout, rngs=rngs)
        self.head = nnx.Linear(widths[0], num_classes, rngs=rngs)

    def __call__(self, images):
        features = nnx.relu(self.norm(self.stem(images))).mean(axis=(1, 2))
        return self.head(self.dropout(features))
"""


def test_every_check_passes_or_has_nothing_to_look_at(plugin: Callable[..., Path]) -> None:
    """Long, because JAX compiles a step for each check that makes one."""
    folder = plugin(
        ("plugin.toml", '["torch"]', '["jax"]'),
        ("plugin.toml", '["image_classification", "image_classification_multilabel"]', '["image_classification"]'),
        ("plugin.toml", '[["stages.0."], ["stages.1."], ["stages.2."]]', '[["stem.", "norm."]]'),
        ("plugin.toml", "parameters = 416456", "parameters = 33928"),
        ("hooks.py", "dropout=", 'seed=hyperparameters["random_seed"], dropout='),
    )
    (folder / "vistry_mynet" / "model.py").write_text(MODEL)
    trials = [trial for trial in check_runs_of("mynet") if trial.check in MODEL_CHECKS]
    results = {result.check: result for result in (trial.result() for trial in trials)}
    assert {name: result.reason for name, result in results.items() if result.status != "passed"} == {
        "backends_agree": "the model has one backend, jax",
        "feature_maps_are_as_declared": "the model offers no feature maps",
        "detections_are_in_range": "the task has no boxes",
        "boxes_are_exact_in_low_precision": "the task has no boxes",
        "exportable_finds_the_same": "the task has no boxes",
    }


def test_the_shape_of_an_output_is_known_without_numbers(plugin: Callable[..., Path]) -> None:
    folder = plugin(("plugin.toml", '["torch"]', '["jax"]'), ("hooks.py", "dropout=", "seed=0, dropout="))
    (folder / "vistry_mynet" / "model.py").write_text(MODEL.replace("num_classes, rngs", "num_classes + 1, rngs"))
    [trial] = [trial for trial in check_runs_of("mynet") if str(trial) == "mynet-predictions_have_the_right_shape"]
    assert trial.subjects[0].output_shape() == (2, 5)  # type: ignore[union-attr]


def test_the_pages_twin_agrees_with_the_network_it_is_of(plugin: Callable[..., Path]) -> None:
    folder = plugin(("plugin.toml", 'backends = ["torch"]', 'backends = ["torch", "jax"]'))
    files = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [file for file, _ in files] == ["flax_model.py", "hooks.py"]
    for file, text in files:
        (folder / "vistry_mynet" / file).write_text(text)
    for backend in (None, "jax"):
        [trial] = [trial for trial in check_runs_of("mynet", backend=backend) if str(trial) == "mynet-backends_agree"]
        result = trial.result()
        assert (result.status, result.reason) == ("passed", "")


def test_the_second_backend_can_be_the_one_that_is_computed(plugin: Callable[..., Path]) -> None:
    """A fault in training alone, which the outputs of evaluation don't show."""
    folder = plugin(("plugin.toml", 'backends = ["torch"]', 'backends = ["torch", "jax"]'))
    for file, text in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        detached = text.replace("self.stages(images)", "jax.lax.stop_gradient(self.stages(images))")
        (folder / "vistry_mynet" / file).write_text(detached)
    failed = {}
    for backend in ("torch", "jax"):
        [trial] = [
            trial
            for trial in check_runs_of("mynet", backend=backend)
            if str(trial) == "mynet-loss_reaches_every_parameter"
        ]
        failed[backend] = trial.result().status
    assert failed == {"torch": "passed", "jax": "failed"}
