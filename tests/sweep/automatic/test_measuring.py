"""The process that tries models: what it measures, and that a model that fails, dies or hangs costs one answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from vistry.data.table import Table
from vistry.errors import TrainingError
from vistry.sweep.automatic.features import stratified
from vistry.sweep.automatic.measure_process import MeasureProcess
from vistry.training.cores import Cores
from vistry.training.plan import Request, examine

from tests.sweep.automatic.conftest import TASK

VALUES = {"training_batch_size": 8, "validation_batch_size": 8, "precision": "fp32", "number_of_workers": 1}
FAULTY = """
import os, time
from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(card, num_classes):
    if card.name == "raises":
        raise ValueError("there is no such layer")
    if card.name == "dies":
        os._exit(9)
    time.sleep(600)
"""
MODELS = "".join(f'\n[models.{name}]\nsummary = "A model for tests"\nparameters = 10\n' for name in ("dies", "hangs"))


@pytest.fixture
def process(digits: Path, folders: Path, lay_out: Callable[..., Path], site: Path) -> Iterator[MeasureProcess]:
    """A process that knows the digits, the tiny network and three that can't be built."""
    lay_out("faulty", model="raises", hooks=FAULTY, more=MODELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ["PYTHONPATH"]]))
        with MeasureProcess("torch") as process:
            request = Request(data=digits, task=TASK)
            splits = examine(request, TASK, 0)
            process.use(request, splits, primary_metric="accuracy", cores=Cores(threads=1))
            yield process


def test_a_model_is_measured_whatever_others_do(process: MeasureProcess) -> None:
    with pytest.raises(TrainingError, match="there is no such layer"):
        process.measure("faulty/raises", VALUES, 300)
    measured = process.measure("tiny/tiny", VALUES, 300)
    assert 0 < measured.step_seconds < measured.epoch_seconds
    assert measured.parameters > 0
    assert measured.model_size == pytest.approx(4 * measured.parameters, rel=0.2)  # and the statistics of its norms
    probed = process.probe("tiny/tiny", VALUES, images=30, seconds=300)
    assert probed.images == 30
    assert probed.accuracy > 0.5  # a random convolution sees much of four digits; chance is 0.25
    with pytest.raises(TrainingError, match="longer than 1 s"):
        process.measure("faulty/hangs", VALUES, 1)
    with pytest.raises(TrainingError, match="ended with status 9"):
        process.measure("faulty/dies", VALUES, 300)


def test_rows_are_drawn_as_evenly_as_they_go(table_of: Callable[..., Table]) -> None:
    table = table_of([[0]] * 20 + [[1]] * 5 + [[2]] * 2, classes=3)
    counts = np.bincount([int(table.labels_of(row)[0]) for row in stratified(table, 9)])
    assert counts.tolist() in ([4, 3, 2], [3, 4, 2])
    assert sorted(stratified(table, 100)) == list(range(27))
    assert stratified(table, 9, seed=1) != stratified(table, 9)
