"""A sweep on Ray as it is: a worker of it is killed during a trial, and the sweep is complete all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import Limits

from tests.sweep.processes import children_of, parent_of, processes_of

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
Begin = Callable[..., SweepFolder]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and a folder for temporary files, in which Ray may leave what it likes."""
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name in ("HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "HOME"


def _resume(sweep: SweepFolder) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vistry", "resume", str(sweep.path), "--runner", "ray"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for_epochs(sweep: SweepFolder, number: int, process: subprocess.Popen[str]) -> None:
    while not (sweep.trial_folder(number) / "metrics.jsonl").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_a_killed_worker_costs_its_trial_and_nothing_else(begun: Begin, home: Path) -> None:
    limits = Limits(max_trials=3, max_concurrent_trials=2)
    sweep = begun(stopping="none", limits=limits, fixed={"number_of_epochs": 40})
    watching = _resume(sweep)
    _wait_for_epochs(sweep, 1, watching)
    started = children_of(watching.pid)
    (trial,) = processes_of(sweep.trial_folder(1) / "output.log")
    worker = parent_of(parent_of(trial))
    assert worker in started
    assert Path(f"/proc/{worker}/cmdline").read_text().startswith("ray::")
    os.kill(worker, signal.SIGKILL)

    output, errors = watching.communicate()
    assert watching.returncode == 0, output + errors
    assert "trains on a Ray cluster, one of its own, as no other runs, with 1 node for trials" in output
    assert sweep.trial(1).state.status == "failed"
    assert "its process was killed by SIGKILL" in sweep.trial(1).state.reason
    assert [(one.state.status, one.trained) for one in sweep.trials()[1:]] == [("completed", 40)] * 2
    assert not processes_of(sweep.path)
    assert not any(Path(f"/proc/{process}").exists() for process in started)
    assert list(home.iterdir()) == [], "Ray writes a token for clusters of its own into the home folder"
    assert not list((home.parent / "TMPDIR").glob("ray*"))


def test_ctrl_c_saves_what_runs_there(begun: Begin, home: Path) -> None:
    sweep = begun(max_trials=2, stopping="none", fixed={"number_of_epochs": 400})
    watching = _resume(sweep)
    _wait_for_epochs(sweep, 1, watching)
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate()
    assert watching.returncode == 130, errors
    assert sweep.run_of(1).status.status == "interrupted"
    assert sweep.run_of(1).can_resume
    assert sweep.trial(1).state.status == "running", "somebody takes it up again"
