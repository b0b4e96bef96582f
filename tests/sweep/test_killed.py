"""A sweep that is killed again and again ends with the bits of one that never was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from vistry.runs.records import EpochEntry
from vistry.sweep.claims import is_held
from vistry.sweep.folder import SweepFolder
from vistry.sweep.session import begin, plan_sweep

from tests.sweep import killed_sweeps
from tests.sweep.conftest import MakeRequest
from tests.sweep.killed_sweeps import kill_points
from tests.sweep.processes import processes_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fresh(
    tmp_path_factory: pytest.TempPathFactory, request_of: MakeRequest, tiny_plugin: None
) -> Iterator[SweepFolder]:
    """A sweep that nobody has worked on: trials will be paused and promoted."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        yield begin(
            plan_sweep(request_of(max_trials=3, fixed={"number_of_epochs": 3}), threads=1), output=folder / "fresh"
        )


@pytest.fixture(scope="module")
def whole(fresh: SweepFolder) -> SweepFolder:
    """The same, worked on to its end by a process that is never killed."""
    copy = _copied(fresh, "whole")
    assert _work(copy) == 0
    return copy


def _work(sweep: SweepFolder, *points: tuple[str, int]) -> int:
    """Work on a sweep in processes that are killed at these points; return how many were."""
    program = [sys.executable, killed_sweeps.__file__, str(sweep.path), json.dumps(points)]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(program, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def _copied(sweep: SweepFolder, name: str) -> SweepFolder:
    return SweepFolder(shutil.copytree(sweep.path, sweep.path.with_name(name)))


def _weights(sweep: SweepFolder, number: int) -> list[str]:
    return sorted(path.name for path in sweep.trial_folder(number).rglob("*.safetensors"))


def _history(sweep: SweepFolder, number: int) -> list[EpochEntry]:
    return [replace(entry, train_seconds=0.0, evaluation_seconds=None) for entry in sweep.run_of(number).history()]


def assert_same(ours: SweepFolder, theirs: SweepFolder) -> None:
    """Every weight, history, record and state of all trials, and the leaderboard, are equal; seconds are not."""
    assert ours.numbers == theirs.numbers
    for number in ours.numbers:
        for name in ("trial.json", "state.json"):
            texts = [(sweep.trial_folder(number) / name).read_text() for sweep in (ours, theirs)]
            assert texts[0] == texts[1]
        assert _weights(ours, number) == _weights(theirs, number)
        for path in ours.trial_folder(number).rglob("*.safetensors"):
            first, second = load_file(path), load_file(theirs.path / path.relative_to(ours.path))
            assert first.keys() == second.keys()
            for key in first:
                np.testing.assert_array_equal(first[key], second[key], err_msg=f"{path} {key}")
        assert _history(ours, number) == _history(theirs, number)
    assert (ours.path / "leaderboard.json").read_text() == (theirs.path / "leaderboard.json").read_text()


def test_killed_at_three_points_drawn_by_chance(fresh: SweepFolder, whole: SweepFolder) -> None:
    killed = _copied(fresh, "killed")
    assert _work(killed, *kill_points(seed=1, number=3)) == 3
    assert_same(killed, whole)
    assert {"completed", "paused"} <= {trial.state.status for trial in whole.trials()}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_many_points_drawn_by_chance(fresh: SweepFolder, whole: SweepFolder, seed: int) -> None:
    killed = _copied(fresh, f"killed-{seed}")
    assert _work(killed, *kill_points(seed=100 + seed, number=24, reach=0.4)) >= 20
    assert_same(killed, whole)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_where_trials_have_processes_of_their_own(fresh: SweepFolder, whole: SweepFolder) -> None:
    """The one who watches is killed; the others end by themselves, and what they held is free."""
    killed = _copied(fresh, "processes")
    command = [sys.executable, "-m", "vistry", "resume", str(killed.path)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (killed.trial_folder(2) / "metrics.jsonl").is_file():
        assert first.poll() is None
        time.sleep(0.02)
    assert is_held(killed, 2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    for _ in range(500):
        if not is_held(killed, 2) and not processes_of(killed.path):
            break
        time.sleep(0.02)
    assert not processes_of(killed.path)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "all 3 trials are done; best: trial" in done.stdout
    assert "resumed" in {event.kind for event in killed.events()}
    assert_same(killed, whole)
