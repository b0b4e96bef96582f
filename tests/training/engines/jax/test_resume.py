"""Killed and resumed, a run of the JAX engine ends with the bits of one that was never killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.runs.folder import Run
from vistry.training import loop as loop_module
from vistry.training.loop import Loop
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


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing catches it."""


@pytest.fixture(scope="module")
def never_killed(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return vistry.train(digits, output=tmp_path_factory.mktemp("whole") / "run", **SETTINGS).run


def _same(first: Run, second: Run) -> None:
    for name in ("best_weights", "last_state"):
        ours, theirs = load_file(getattr(first, name)), load_file(getattr(second, name))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    kept = ("epoch", "train_loss", "learning_rate", "validation")
    for ours_entry, theirs_entry in zip(first.history(), second.history(), strict=True):
        assert [ours_entry[key] for key in kept] == [theirs_entry[key] for key in kept]


@pytest.mark.parametrize(
    ("method", "call"), [("_optimise", 5), ("_check_loss", 3), ("_evaluate", 2), ("_save_last", 2)]
)
def test_killed_at_any_step(
    method: str, call: int, never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = getattr(Loop, method), []

    def killing(self: Loop, *arguments: Any) -> Any:
        calls.append(method)
        if len(calls) == call:
            raise Killed
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, method, killing)
        with pytest.raises(Killed):
            vistry.train(digits, **SETTINGS)
    _same(resume("last").run, never_killed)


@pytest.mark.parametrize("updates", [1, 2])
def test_a_state_saved_in_the_middle_of_an_epoch_goes_on_exactly(
    updates: int, never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it goes on the batches are smaller than the one that the padding was chosen by."""
    saves: list[int] = []
    original = Loop._save_last

    def killing(self: Loop) -> None:
        original(self)
        saves.append(self.position.batch)
        if len(saves) == updates:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(Loop, "_save_last", killing)
        with pytest.raises(Killed):
            vistry.train(digits, **SETTINGS)
    assert saves[-1] == 2 * updates
    _same(resume("last").run, never_killed)
