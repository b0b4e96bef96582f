"""Two-stage detectors in JAX, on pictures drawn on the spot: they learn as torch's do, and a run cut short goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.runs.folder import Run
from vistry.training.events import Listener, LossComputed
from vistry.training.interruption import Interrupted
from vistry.training.session import resume

pytest.importorskip("jax")
# A training step takes half a minute to compile.
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("few_regions", "few_regions_in_jax")]

MODEL = "maskrcnn_tinybone_fpn"
SCORE = 1e-3  # of a metric with the same weights


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


@pytest.fixture
def train(shapes: dict[str, Path], tmp_path: Path) -> Callable[..., Run]:
    def call(backend: str, name: str, listener: Listener) -> Run:
        settings: dict[str, Any] = {
            "number_of_epochs": 2,
            "min_size": 64,
            "max_size": 96,
            "training_batch_size": 4,
            "validation_batch_size": 4,
            "optimizer": "adamw",
            "learning_rate": 0.0005,
            "precision": "fp32",
            "box_detections_per_image": 8,
        }
        given = {"task": "segmentation", "model": MODEL, "output": tmp_path / name, "backend": backend}
        return vistry.train(shapes["segmentation"], listeners=[listener], **given, **settings).run

    return call


def test_it_learns_and_a_run_cut_short_goes_on_to_the_same_weights(
    train: Callable[..., Run], shapes: dict[str, Path]
) -> None:
    ours, theirs = Losses(), Losses()
    whole = train("jax", "whole", ours)
    train("torch", "torch", theirs)
    # They begin at the losses of heads that say nothing, and go down alike; weights and samples are drawn apart.
    assert ours.of_batches[0] == pytest.approx(theirs.of_batches[0], rel=0.3)
    assert ours.of_batches[-1] == pytest.approx(theirs.of_batches[-1], rel=0.3)
    assert ours.of_batches[-1] < ours.of_batches[0]
    with pytest.raises(Interrupted):
        train("jax", "cut", Losses(stops_in=3))
    resumed = resume(Path(whole.folder).parent / "cut").run
    for path in ("best_weights", "last_state"):
        first, second = (load_file(getattr(run, path)) for run in (resumed, whole))
        assert set(first) == set(second)
        assert all(np.array_equal(first[name], second[name]) for name in second)
    in_jax, in_torch = (
        vistry.evaluate(whole.folder, shapes["segmentation"], backend=backend).metrics for backend in ("jax", "torch")
    )
    assert in_torch == pytest.approx(in_jax, abs=SCORE)
