"""Killed and resumed, a run of the JAX engine ends with the bits of one that was never killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.runs.records import LastFacts
from vistry.training import loop as loop_module
from vistry.training.events import Listener
from vistry.training.session import resume

SETTINGS: dict[str, Any] = {
    "backend": "jax",
    "model": "twin_dropout",
    "task": "multiclass",
    "number_of_epochs": 3,
    "warmup_cosine_lr_warmup_epochs": 1,
    "training_batch_size": 15,
    "gradient_accumulation_step": 2,
    "learning_rate": 0.05,
}


UNTIMED: dict[str, Any] = {"train_seconds": 0.0, "evaluation_seconds": None}


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing catches it."""


def kill_at(event: str, count: int, file: str = "") -> Listener:
    """Be killed at an event, the count-th time that it is announced (of a checkpoint with this name)."""
    calls: list[str] = []

    def killing(*arguments: object) -> None:
        if not file or arguments[0].name == file:  # type: ignore[attr-defined]  # a path
            calls.append(event)
            if len(calls) == count:
                raise Killed

    listener = Listener()
    assert hasattr(listener, event)
    setattr(listener, event, killing)
    return listener


@pytest.fixture(scope="module")
def never_killed(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return vistry.train(digits, output=tmp_path_factory.mktemp("whole") / "run", **SETTINGS).run


def _same(first: Run, second: Run) -> None:
    for name in ("best_weights", "last_state"):
        ours, theirs = load_file(getattr(first, name)), load_file(getattr(second, name))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    for ours_entry, theirs_entry in zip(first.history(), second.history(), strict=True):
        assert replace(ours_entry, **UNTIMED) == replace(theirs_entry, **UNTIMED)


@pytest.mark.parametrize(
    ("event", "count", "file"),
    [
        ("update_begins", 5, ""),
        ("loss_computed", 3, ""),
        ("evaluation_begins", 2, ""),
        ("saving_begins", 2, "last.safetensors"),
    ],
)
def test_killed_at_any_step(event: str, count: int, file: str, never_killed: Run, digits: Path, runs: Path) -> None:
    with pytest.raises(Killed):
        vistry.train(digits, listeners=[kill_at(event, count, file)], **SETTINGS)
    _same(resume("last").run, never_killed)


@pytest.mark.parametrize("updates", [1, 2])
def test_a_state_saved_in_the_middle_of_an_epoch_goes_on_exactly(
    updates: int, never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it goes on the batches are smaller than the one that the padding was chosen by."""
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "CHECKPOINT_SECONDS", -1.0)
        with pytest.raises(Killed):
            vistry.train(digits, listeners=[kill_at("saved", updates, "last.safetensors")], **SETTINGS)
    _, facts = read_checkpoint(find_run("last").last_state)
    assert isinstance(facts, LastFacts)
    assert facts.position.batch == 2 * updates
    _same(resume("last").run, never_killed)
