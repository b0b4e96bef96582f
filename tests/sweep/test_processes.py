"""Sweeps whose trials have processes of their own: Ctrl-C, and two who work together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vistry.sweep.folder import SweepFolder

from tests.sweep.processes import parent_of, processes_of

Begin = Callable[..., SweepFolder]


def _worker(sweep: SweepFolder) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vistry", "resume", str(sweep.path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_ctrl_c_saves_what_runs_and_two_go_on_together(begun: Begin) -> None:
    sweep = begun(max_trials=4, stopping="none", fixed={"number_of_epochs": 5})
    interrupted = _worker(sweep)
    _wait_for(sweep.trial_folder(1) / "metrics.jsonl", interrupted)
    interrupted.send_signal(signal.SIGINT)
    _, errors = interrupted.communicate()
    assert interrupted.returncode == 130
    assert f"interrupted; to go on, type: vistry resume {sweep.path}" in errors
    assert sweep.run_of(1).status.status in ("interrupted", "completed")
    assert sweep.run_of(1).can_resume or sweep.trial(1).state.status == "completed"

    together = [_worker(sweep), _worker(sweep)]
    outputs = [worker.communicate() for worker in together]
    assert [worker.returncode for worker in together] == [0, 0], outputs
    trials = SweepFolder(sweep.path).trials()
    assert [(trial.number, trial.state.status, trial.trained) for trial in trials] == [
        (number, "completed", 5) for number in range(1, 5)
    ]
    begun_by = [event for event in sweep.events() if event.kind == "begun"]
    assert sorted(event.trial or 0 for event in begun_by) == [1, 2, 3, 4]
    assert all("all 4 trials are done" in output for output, _ in outputs)


def test_a_scheduler_that_signals_every_process_of_a_job_loses_no_epoch(begun: Begin) -> None:
    """SIGTERM to the watcher, the process that trials start from, and the trial itself."""
    sweep = begun(max_trials=1, stopping="none", fixed={"number_of_epochs": 400})
    worker = _worker(sweep)
    _wait_for(sweep.trial_folder(1) / "metrics.jsonl", worker)
    (trial,) = processes_of(sweep.trial_folder(1) / "output.log")
    for process in (parent_of(trial), trial, worker.pid):
        os.kill(process, signal.SIGTERM)
    _, errors = worker.communicate()
    assert worker.returncode == 130, errors
    assert f"interrupted; to go on, type: vistry resume {sweep.path}" in errors
    assert sweep.run_of(1).status.status == "interrupted"
    assert sweep.run_of(1).can_resume


def test_two_trials_at_once_in_one_process(begun: Begin) -> None:
    from vistry.sweep.request import Limits
    from vistry.sweep.session import work_on

    sweep = begun(stopping="none", limits=Limits(max_trials=2, max_concurrent_trials=2))
    work_on(sweep)
    kinds = [(event.kind, event.trial) for event in sweep.events()]
    assert kinds.index(("begun", 2)) < kinds.index(("completed", 1))
    assert [trial.state.status for trial in sweep.trials()] == ["completed", "completed"]
    assert {trial.record.threads for trial in sweep.trials()} == {1}
