"""The same data, seed and hyperparameters in both engines: one loss curve, one set of weights, one set of metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.errors import RegistryError, VistryError
from vistry.runs.folder import Run
from vistry.training.events import Listener, LossComputed

TOLERANCE = 2e-3  # of a loss, over the updates of a first epoch in float32: what rounding grows to
SETTINGS: dict[str, Any] = {
    "number_of_epochs": 1,
    "learning_rate_scheduler": "step",
    "training_batch_size": 9,
    "learning_rate": 0.02,
    "precision": "fp32",
    "validation_size": 0.2,
}


@pytest.fixture
def start(digits: Path, tmp_path: Path) -> Path:
    """A file with the twin's initial weights."""
    from safetensors.numpy import save_file
    from vistry.training.engines import engine_module

    module = vistry.create("twin", task="multiclass", num_classes=4, backend="torch")
    path = tmp_path / "start.safetensors"
    save_file(engine_module("torch").arrays_of(module), path)
    return path


class Losses(Listener):
    """The loss of each batch."""

    def __init__(self) -> None:
        self.of_batches: list[float] = []

    def loss_computed(self, event: LossComputed) -> None:
        self.of_batches.append(event.loss)


@pytest.fixture
def train(digits: Path, runs: Path, start: Path) -> Callable[..., tuple[Run, list]]:
    """Train the twin from the same weights; the run, and the loss of each batch."""

    def call(backend: str, model: str = "twin", **settings: Any) -> tuple[Run, list[float]]:
        losses = Losses()
        given = {**SETTINGS, "weights": str(start), "task": "multiclass", **settings}
        run = vistry.train(digits, model=model, backend=backend, listeners=[losses], **given).run
        return run, losses.of_batches

    return call


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam", "learning_rate": 0.001, "weight_decay": 0.1},
        {"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.1, "ams_gradient": 1},
        {"gradient_accumulation_step": 3, "learning_rate_scheduler": "warmup_cosine"},
        {"weighted_loss": 2, "weight_decay": 0.1},
        {"layers_to_freeze": 1, "momentum": 0.5, "nesterov": 0},
    ],
)
def test_the_loss_curves_of_a_first_epoch_agree(changes: dict[str, Any], train: Any) -> None:
    if "warmup_cosine" in changes.values():
        changes = {**changes, "number_of_epochs": 2, "warmup_cosine_lr_warmup_epochs": 1}
    (ours, found), (theirs, expected) = train("jax", **changes), train("torch", **changes)
    epoch = len(expected) // ours.hyperparameters["number_of_epochs"].value
    assert epoch == 8
    np.testing.assert_allclose(found[:epoch], expected[:epoch], rtol=TOLERANCE)
    assert abs(np.diff(expected)).max() > 20 * TOLERANCE
    entries = [run.history()[0] for run in (ours, theirs)]
    assert entries[0].learning_rate == entries[1].learning_rate
    assert entries[0].metrics["log_loss"] == pytest.approx(entries[1].metrics["log_loss"], rel=0.02)
    ours_saved, theirs_saved = load_file(ours.best_weights), load_file(theirs.best_weights)
    assert {name: value.shape for name, value in ours_saved.items()} == {
        name: value.shape for name, value in theirs_saved.items()
    }


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_run_of_one_engine_is_used_by_the_other(backend: str, train: Any, digits: Path) -> None:
    other = {"torch": "jax", "jax": "torch"}[backend]
    run, _ = train(backend, number_of_epochs=2)
    own, others = vistry.evaluate(run.folder, digits), vistry.evaluate(run.folder, digits, backend=other)
    assert own.metrics.keys() == others.metrics.keys()
    for name, value in own.metrics.items():
        assert others.metrics[name] == pytest.approx(value, abs=1e-4), name
    image = digits / "digit0" / "00.png"
    probabilities = [vistry.predict(run.folder, image, backend=name)[0]["probs"] for name in (backend, other)]
    np.testing.assert_allclose(*probabilities, atol=1e-4)
    warm, losses = train(other, weights="none", checkpoint_run_id=str(run.folder), learning_rate=0.0)
    ours, theirs = load_file(warm.best_weights), load_file(run.best_weights)
    still = [name for name in theirs if "running" not in name and "num_batches" not in name]
    assert all((ours[name] == theirs[name]).all() for name in still)
    assert np.mean(losses) == pytest.approx(run.history()[-1].train_loss, abs=0.5)
    assert warm.record.backend == other


def test_what_a_run_says_of_its_engine(train: Any) -> None:
    run, _ = train("jax")
    engine = run.status.engine
    assert engine.backend == "jax"
    assert engine.compile_seconds > 0
    assert engine.parameters == engine.trainable_parameters


def test_the_first_step_says_that_it_compiles(digits: Path, runs: Path) -> None:
    notes: list[str] = []

    class Noting(Listener):
        def note(self, text: str) -> None:
            notes.append(text)

    vistry.train(digits, task="multiclass", model="twin", backend="jax", listeners=[Noting()], **SETTINGS)
    assert "compiling the training step, once for this size of batch" in notes


def test_a_model_without_a_backend_says_which_it_has(train: Any, digits: Path) -> None:
    with pytest.raises(RegistryError, match="foreign has no backend 'torch'; use jax"):
        train("torch", "foreign", weights="none")
    run, _ = train("jax", "foreign", weights="none")
    assert vistry.evaluate(run.folder, digits, include_training=True).images == 80
    with pytest.raises(RegistryError, match="foreign has no backend 'torch'; use jax"):
        vistry.load(run.folder, backend="torch")


def test_a_run_whose_engine_is_not_installed_names_the_other(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vistry.training import engines

    run, _ = train("jax")
    real = engines.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "optax" else real(name))
    with pytest.raises(VistryError, match="trained with jax, which is not installed; .* add --backend torch"):
        vistry.load(run.folder)
    assert vistry.load(run.folder, backend="torch").classes == ("digit0", "digit1", "digit2", "digit3")
    with pytest.raises(VistryError, match=r"optax is not installed; type: pip install 'vistry\[jax\]'"):
        vistry.load(run.folder, backend="jax")


def test_the_command_line_takes_a_backend(train: Any, digits: Path) -> None:
    from click.testing import CliRunner
    from vistry.cli import main

    run, _ = train("torch")
    results = [
        CliRunner().invoke(main, ["evaluate", str(run.folder), str(digits), "--json", "--backend", backend])
        for backend in ("torch", "jax")
    ]
    metrics = [json.loads(result.stdout)["metrics"]["log_loss"] for result in results]
    assert metrics[0] == pytest.approx(metrics[1], abs=1e-4)
    image = str(digits / "digit1" / "00.png")
    told = CliRunner().invoke(main, ["predict", str(run.folder), image, "--backend", "jax"])
    assert told.exit_code == 0
    assert told.stdout.startswith(image)
