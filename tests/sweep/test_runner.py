"""The runner of this machine tells its trials to end, also those that its server hasn't begun yet."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from vistry.sweep.runner import LocalRunner
from vistry.sweep.trial_training import TrialTask

SERVER = """#!{python}
import json, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background has it ignored, and so have its children
number = json.loads(sys.stdin.readline())["start"]
time.sleep(0.3)  # it still loads what trials need
process = subprocess.Popen(["sleep", "60"])
print(json.dumps({{"started": number, "pid": process.pid}}), flush=True)
print(json.dumps({{"ended": number, "status": process.wait()}}), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("gently", "status"), [(True, -signal.SIGINT), (False, -signal.SIGKILL)])
def test_a_trial_that_is_told_to_end_before_it_begins_ends_as_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gently: bool, status: int
) -> None:
    server = tmp_path / "server"
    server.write_text(SERVER.format(python=sys.executable))
    server.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(server))
    with LocalRunner("torch") as runner:
        handle = runner.submit(TrialTask(folder=tmp_path, number=1, threads=1))
        runner.kill(handle, gently=gently)
        for _ in range(1000):
            if (ended := runner.poll(handle)) is not None:
                break
            time.sleep(0.03)
        assert ended == status


def test_a_file_of_the_working_folder_is_never_taken_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with LocalRunner("no such engine") as runner:  # which loads nothing before it serves
        assert runner._server.poll() is None
        handle = runner.submit(TrialTask(folder=tmp_path / "no sweep", number=1, threads=1))
        for _ in range(1000):
            if (ended := runner.poll(handle)) is not None:
                break
            time.sleep(0.03)
        assert ended == 1  # the trial's own end: there is no such sweep
