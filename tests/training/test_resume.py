"""Killed at any moment and resumed, a run ends with the bits of one that was never killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.errors import RunError, TrainingError
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.files import write_text
from vistry.runs.folder import Run, find_run
from vistry.runs.lock import training_in
from vistry.runs.records import LastFacts
from vistry.training import loop as loop_module
from vistry.training import session
from vistry.training.engines.torch import precision
from vistry.training.events import Listener, Stoppable
from vistry.training.loop import Loop
from vistry.training.plan import make_plan
from vistry.training.session import resume

SETTINGS: dict[str, Any] = {
    "number_of_epochs": 4,
    "warmup_cosine_lr_warmup_epochs": 1,
    "precision": "fp32",
    "learning_rate": 0.05,
    "gradient_accumulation_step": 2,
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
def never_killed(digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("whole") / "run"
    return vistry.train(digits, task="multiclass", model="tiny", output=output, **SETTINGS).run


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
        ("update_begins", 2, ""),
        ("update_ended", 2, ""),
        ("update_begins", 5, ""),
        ("update_ended", 5, ""),
        ("loss_computed", 3, ""),
        ("batch_ended", 3, ""),
        ("evaluation_begins", 1, ""),
        ("evaluated", 1, ""),
        ("evaluation_begins", 3, ""),
        ("evaluated", 3, ""),
        ("saving_begins", 1, "best.safetensors"),
        ("saved", 1, "best.safetensors"),
        ("saving_begins", 1, "last.safetensors"),
        ("saved", 1, "last.safetensors"),
        ("saving_begins", 2, "last.safetensors"),
        ("saved", 2, "last.safetensors"),
        ("epoch_ended", 3, ""),
        ("epoch_ended", 4, ""),
    ],
)
def test_killed_before_or_after_any_step(
    event: str, count: int, file: str, never_killed: Run, digits: Path, runs: Path
) -> None:
    with pytest.raises(Killed):
        vistry.train(digits, task="multiclass", model="tiny", listeners=[kill_at(event, count, file)], **SETTINGS)
    result = resume("last")
    _same(result.run, never_killed)
    assert result.run.status.status == "completed"


def test_a_state_saved_in_the_middle_of_an_epoch_goes_on_exactly(
    never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing = kill_at("saved", 1, "last.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "CHECKPOINT_SECONDS", -1.0)
        with pytest.raises(Killed):
            vistry.train(digits, task="multiclass", model="tiny", listeners=[killing], **SETTINGS)
    _, facts = read_checkpoint(find_run("last").last_state)
    assert isinstance(facts, LastFacts)
    assert facts.position.batch == 2
    _same(resume("last").run, never_killed)


def test_a_resumed_run_keeps_the_precision_it_began_with(
    digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**SETTINGS, "precision": "auto"}
    with monkeypatch.context() as patch:
        patch.setattr(precision, "processor_precision", lambda: ("bf16", "it was faster"))
        with pytest.raises(Killed):
            vistry.train(
                digits, task="multiclass", model="tiny", listeners=[kill_at("evaluation_begins", 1)], **settings
            )
    monkeypatch.setattr(precision, "processor_precision", lambda: ("fp32", "another machine"))
    engine = resume("last").run.status.engine
    assert engine is not None
    assert (engine.precision, engine.precision_reason) == ("bf16", "it was faster")


PROGRAM = """
import os, signal, sys
from vistry.runs import files
import vistry

where, count = sys.argv[2], int(sys.argv[3])
calls = 0

def kill_at(name, original):
    def wrapped(*arguments, **options):
        global calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return wrapped

if where == "rename":
    from pathlib import Path
    Path.replace = kill_at("replace", Path.replace)
elif where == "write":
    from vistry.runs import checkpoint
    def half(tensors, path, header):
        open(path, "wb").write(b"half a checkpoint")
        original(tensors, path, header)
    original = kill_at("save", checkpoint.save_file)
    checkpoint.save_file = half
elif where == "backward":
    import torch
    torch.Tensor.backward = kill_at("backward", torch.Tensor.backward)
vistry.train(sys.argv[1], task="multiclass", model="tiny", **SETTINGS)
"""


@pytest.mark.parametrize(("where", "count"), [("rename", 9), ("write", 3), ("backward", 6)])
def test_a_real_sigkill_loses_nothing(where: str, count: int, never_killed: Run, digits: Path, runs: Path) -> None:
    program = PROGRAM.replace("SETTINGS", repr(SETTINGS))
    killed = subprocess.run([sys.executable, "-c", program, str(digits), where, str(count)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert find_run("last").status.status == "killed"
    _same(resume("last").run, never_killed)
    assert not list(find_run("last").folder.rglob("*.part"))


def test_ctrl_c_leaves_a_run_that_can_be_resumed(
    vistry: Callable[..., Any], never_killed: Run, digits: Path, runs: Path
) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from vistry.training import progress
        class Interrupting(progress.PlainLines):
            updates = 0
            def update_begins(self):
                self.updates += 1
                if self.updates == 3:
                    os.kill(os.getpid(), signal.SIGINT)
        progress.progress_line = lambda: Interrupting(sys.stdout)
        sys.argv[0] = "vistry"
        from vistry.cli import main
        main()
        """
    )
    flags = [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]
    arguments = ["train", "--task", "multiclass", "--model", "tiny", "--data", str(digits), *flags]
    stopped = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert stopped.returncode == 130
    assert "interrupted; to go on, type: vistry resume" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert find_run("last").status.status == "interrupted"
    assert "best: epoch" in vistry("resume", "last").stdout
    _same(find_run("last"), never_killed)


def test_a_complete_run_is_not_resumed(never_killed: Run) -> None:
    with pytest.raises(RunError, match="is complete; to build upon it, train with --checkpoint_run_id"):
        resume(never_killed.folder)


def test_a_full_disk_is_a_sentence_and_the_last_good_state_stays(
    never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vistry.runs import checkpoint

    original, writes = checkpoint.save_file, []

    def full(tensors: Any, path: Path, header: Any) -> None:
        writes.append(path)
        if len(writes) == 4:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        original(tensors, path, header)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        with pytest.raises(RunError, match=r"the disk is full: .*safetensors could not be written; what was saved"):
            vistry.train(digits, task="multiclass", model="tiny", **SETTINGS)
    run = find_run("last")
    assert run.status.status == "failed"
    assert not list(run.folder.rglob("*.part"))
    _same(resume("last").run, never_killed)


def test_what_failed_first_is_said_though_nothing_more_can_be_written(
    digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vistry.runs import checkpoint

    def full(*arguments: Any) -> None:
        monkeypatch.setattr(Path, "replace", full)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(RunError, match=r"the disk is full: .*image-contents\.safetensors could not be written"):
        vistry.train(digits, task="multiclass", model="tiny", **SETTINGS)


def test_no_second_training_in_a_run_folder(never_killed: Run, runs: Path) -> None:
    run = shutil.copytree(never_killed.folder, runs / "copy")
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "status": "running"}))
    with training_in(run):
        assert Run(run).status.status == "running"
        with pytest.raises(RunError, match="is being trained by another process"):
            resume(run)
    assert Run(run).status.status == "killed"
    assert resume(run).outcome.status == "completed"


class Stopping(Listener):
    """Stops a training at an event, the count-th time that it is announced."""

    def __init__(self, event: str, count: int):
        self._left = count
        setattr(self, event, self._count)

    def training_begins(self, training: Stoppable) -> None:
        self._training = training

    def _count(self, *arguments: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._training.stop("it was enough")


def test_a_run_goes_on_without_the_one_it_was_built_upon(digits: Path, runs: Path) -> None:
    short = {**SETTINGS, "number_of_epochs": 1}
    source = vistry.train(digits, task="multiclass", model="tiny", **short).run.folder
    options = {"checkpoint_run_id": str(source), "listeners": [Stopping("update_ended", 1)]}
    run = vistry.train(digits, task="multiclass", model="tiny", **options, **SETTINGS).run
    shutil.rmtree(source)
    assert resume(run.folder).outcome.status == "completed"


def test_a_file_too_large_for_its_limits_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_text(path, "old")
    program = (
        "import resource, signal, pathlib\n"
        "from vistry.runs.files import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"write_text(pathlib.Path({str(path)!r}), 'x' * 99999)\n"
    )
    failed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "could not be written" in failed.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_place_is_a_sentence_before_training(digits: Path, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="can't be made"):
        vistry.train(digits, task="multiclass", model="tiny", output=tmp_path / "file" / "run", **SETTINGS)


def test_the_time_limit_is_kept_with_the_best_model(digits: Path, runs: Path) -> None:
    settings = {**SETTINGS, "number_of_epochs": 5000, "early_stopping": 0}
    result = vistry.train(digits, task="multiclass", model="tiny", time_limit=3.0, **settings)
    assert result.outcome.status == "stopped"
    assert result.outcome.reason == "the time limit was reached"
    assert result.run.best_weights.is_file()
    assert sum(entry.train_seconds for entry in result.run.history()) <= 3.0
    assert len(result.run.history()) >= 1


def test_planning_counts_against_the_time_limit(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    def planned(*arguments: Any) -> Any:
        times.append(time.monotonic())
        return make_plan(*arguments)

    def stopping(self: Loop) -> None:
        assert self.deadline is not None
        times.append(self.deadline - 60)
        raise Killed

    monkeypatch.setattr(session, "make_plan", planned)
    monkeypatch.setattr(Loop, "fit", stopping)
    with pytest.raises(Killed):
        vistry.train(digits, task="multiclass", model="tiny", time_limit=60.0, **SETTINGS)
    planning_began, clock_began = times
    assert clock_began <= planning_began


@pytest.mark.parametrize(("event", "count"), [("update_ended", 1), ("epoch_ended", 1), ("update_ended", 3)])
def test_a_run_that_was_stopped_goes_on_exactly(
    event: str, count: int, never_killed: Run, digits: Path, runs: Path
) -> None:
    """As by the time limit: in the middle of an epoch, and at its end."""
    stopping = Stopping(event, count)
    result = vistry.train(digits, task="multiclass", model="tiny", listeners=[stopping], **SETTINGS)
    assert (result.outcome.status, result.outcome.reason) == ("stopped", "it was enough")
    assert result.run.status.reason == "it was enough"
    _same(resume("last").run, never_killed)


@pytest.mark.parametrize("event", ["evaluated", "epoch_ended"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_stopped_at_the_end_of_an_epoch_it_saves_and_goes_on_exactly(
    event: str, count: int, never_killed: Run, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where saving each epoch would cost too much: the state has to be there to go on from."""
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "SAVING_SHARE", 10**9)
        stopping = Stopping(event, count)
        result = vistry.train(digits, task="multiclass", model="tiny", listeners=[stopping], **SETTINGS)
    _, facts = read_checkpoint(result.run.last_state)
    assert isinstance(facts, LastFacts)
    assert (facts.position.epoch, facts.position.batch) == (count, 0)
    assert (result.outcome.status, result.outcome.epochs) == ("stopped", count)
    _same(resume("last").run, never_killed)


def test_asked_to_stop_as_it_begins_again_it_trains_nothing(never_killed: Run, digits: Path, runs: Path) -> None:
    stopped = vistry.train(
        digits, task="multiclass", model="tiny", listeners=[Stopping("epoch_ended", 2)], **SETTINGS
    ).run
    before = stopped.last_state.read_bytes()

    class AtOnce(Listener):
        def training_begins(self, training: Stoppable) -> None:
            training.stop("still enough")

    outcome = resume(stopped.folder, listeners=[AtOnce()]).outcome
    assert (outcome.status, outcome.reason, outcome.epochs) == ("stopped", "still enough", 2)
    assert stopped.last_state.read_bytes() == before
    _same(resume(stopped.folder).run, never_killed)


def test_a_run_that_goes_on_forgets_the_epochs_after_its_last_state(
    digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "SAVING_SHARE", 10**9)
    with pytest.raises(Killed):
        vistry.train(digits, task="multiclass", model="tiny", listeners=[kill_at("epoch_ended", 3)], **SETTINGS)
    epochs: list[int] = []

    class Reading(Listener):
        def training_begins(self, training: Stoppable) -> None:
            epochs.append(len(find_run("last").history()))

    run = find_run("last")
    _, facts = read_checkpoint(run.last_state)
    assert isinstance(facts, LastFacts)
    assert len(facts.history) < len(run.history()) == 3
    resume("last", listeners=[Reading()])
    assert epochs == [len(facts.history)]


@pytest.mark.parametrize(("value", "says"), [(float("nan"), "is not a number"), (1e9, r"exploded to 1e\+09")])
def test_a_loss_that_is_no_longer_finite_stops_the_run(
    value: float, says: str, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vistry.training.engines.torch.engine import TorchEngine

    original = TorchEngine.accumulate

    def poisoned(self: Any, batch: Any, share: float, step: int) -> dict[str, float]:
        terms = original(self, batch, share, step)
        return {"cross_entropy": value} if step == 5 else terms

    monkeypatch.setattr(TorchEngine, "accumulate", poisoned)
    with pytest.raises(
        TrainingError, match=rf"the loss {says} at epoch 2, batch 2 \(step 5, .*png.*Lower learning_rate"
    ):
        vistry.train(digits, task="multiclass", model="tiny", **SETTINGS)
    run = find_run("last")
    assert run.status.status == "failed"
    assert run.best_weights.is_file()


def test_a_run_of_a_later_version_is_refused(never_killed: Run, tmp_path: Path) -> None:
    later = shutil.copytree(never_killed.folder, tmp_path / "later")
    record = json.loads((later / "run.json").read_text())
    (later / "run.json").write_text(json.dumps({**record, "schema": 99}))
    with pytest.raises(RunError, match="written by a later Vistry .*pip install --upgrade vistry"):
        vistry.load(later)


def test_a_damaged_run_is_a_sentence(never_killed: Run, tmp_path: Path) -> None:
    damaged = shutil.copytree(never_killed.folder, tmp_path / "damaged")
    (damaged / "checkpoints" / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match="can't be read"):
        vistry.load(damaged)
    (damaged / "status.json").unlink()
    with pytest.raises(RunError, match="invalid run folder .*: it has no status.json"):
        resume(damaged)
