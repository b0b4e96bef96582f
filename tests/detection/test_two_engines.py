"""Detectors in JAX and in torch, on pictures drawn on the spot: one loss curve, one set of weights and of metrics."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file, save_file
from vistry.runs.folder import Run
from vistry.training.engines import engine_module
from vistry.training.events import Listener, LossComputed
from vistry.training.interruption import Interrupted
from vistry.training.session import resume

MODEL = "retinanet_tinybone_fpn"
TOLERANCE = 2e-3  # of a loss, over the updates of two epochs in float32: what rounding grows to
SCORE = 1e-3  # of a prediction with the same weights

pytest.importorskip("jax")


class Losses(Listener):
    """The loss of each batch; presses Ctrl-C in an update, if it is given one."""

    def __init__(self, stops_in: int = 0):
        self.of_batches: list[float] = []
        self._left = stops_in

    def loss_computed(self, event: LossComputed) -> None:
        self.of_batches.append(event.loss)

    def update_ended(self) -> None:
        self._left -= 1
        if self._left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def train(shapes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Train from the same weights with an engine, with frozen layers and pictures that are augmented."""
    folder = tmp_path_factory.mktemp("engines")
    module = vistry.create(MODEL, task="detection", num_classes=2, hyperparameters={"backbone_norm": "frozen"})
    save_file(engine_module("torch").arrays_of(module), folder / "start.safetensors")

    def call(backend: str, name: str, listener: Listener) -> Run:
        settings = {
            "number_of_epochs": 2,
            "min_size": 64,
            "max_size": 96,
            "training_batch_size": 4,
            "validation_batch_size": 4,
            "learning_rate": 0.01,
            "precision": "fp32",
            "box_detections_per_image": 20,
            "layers_to_freeze": 2,
            "backbone_norm": "frozen",
            "weights": str(folder / "start.safetensors"),
        }
        given = {"task": "detection", "model": MODEL, "output": folder / name, "backend": backend}
        return vistry.train(shapes["detection"], listeners=[listener], **given, **settings).run

    return call


@pytest.fixture(scope="module")
def runs(train: Callable[..., Run]) -> dict[str, tuple[Run, list[float]]]:
    """A run of each engine, and the loss of each of its batches."""
    found = {}
    for backend in ("torch", "jax"):
        losses = Losses()
        found[backend] = train(backend, backend, losses), losses.of_batches
    return found


def test_the_losses_of_both_are_one_curve(runs: dict[str, tuple[Run, list[float]]]) -> None:
    assert len(runs["jax"][1]) > 3
    assert runs["jax"][1] == pytest.approx(runs["torch"][1], rel=TOLERANCE)


def test_both_freeze_the_same_tensors(runs: dict[str, tuple[Run, list[float]]]) -> None:
    start = load_file(Path(runs["torch"][0].folder).parent / "start.safetensors")
    still = []
    for run, _ in runs.values():
        end = load_file(run.best_weights)
        assert {name: value.shape for name, value in end.items()} == {name: one.shape for name, one in start.items()}
        still.append({name for name, value in end.items() if np.array_equal(value, start[name])})
    assert still[0] == still[1]
    assert {"backbone.body.stem.0.weight", "backbone.body.stage1.0.weight"} <= still[0]
    assert "backbone.body.stage2.0.weight" not in still[0]


def test_each_engine_evaluates_the_others_weights(
    runs: dict[str, tuple[Run, list[float]]], shapes: dict[str, Path]
) -> None:
    for run, _ in runs.values():
        ours, theirs = (
            vistry.evaluate(run.folder, shapes["detection"], backend=backend).metrics for backend in ("jax", "torch")
        )
        assert theirs == pytest.approx(ours, abs=SCORE)


def test_a_run_cut_short_goes_on_to_the_same_weights(
    runs: dict[str, tuple[Run, list[float]]], train: Callable[..., Run], tmp_path: Path
) -> None:
    whole, _ = runs["jax"]
    with pytest.raises(Interrupted):
        train("jax", "cut", Losses(stops_in=3))
    resumed = resume(Path(whole.folder).parent / "cut").run
    for path in ("best_weights", "last_state"):
        ours, theirs = (load_file(getattr(run, path)) for run in (resumed, whole))
        assert set(ours) == set(theirs)
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
