"""`--runner` and `--begin-only` as they are typed: who trains a sweep, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.sweep import ray_node, ray_runner
from vistry.sweep.folder import SweepFolder, find_sweep
from vistry.sweep.trial_tasks import task_of

from tests.cli.test_sweep import sweep
from tests.sweep import fake_ray
from tests.sweep.conftest import folders
from tests.sweep.fake_ray import FakeRay
from tests.sweep.job_files.test_run import ONE, SWEEP, draw_images
from tests.sweep.runners import Pretending
from tests.sweep.test_worker import rising

__all__ = ["folders", "sweep"]  # fixtures
Type = Callable[..., Result]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """A cluster of one node with three cores, whose trials are only pretended."""

    def train(values: Mapping[str, Any], backend: str, on_gpu: bool) -> int:
        Pretending(rising).submit(task_of(dict(values)))
        return 0

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(ray_node, "train", train)
    ray = fake_ray.install(monkeypatch)
    ray.machines = [{"CPU": 3.0}]
    return ray


def type_in(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_sweep_on_ray_and_on_with_it_there(sweep: Type, ray: FakeRay) -> None:
    done = sweep("--runner", "ray", "--max_trials", 2, "--stopping", "none")
    assert done.exit_code == 0, done.stderr
    assert "; 3 threads a trial" in done.stdout
    assert "trains on a Ray cluster" in done.stdout
    assert {trial.record.threads for trial in find_sweep("last").trials()} == {3}
    on = type_in("resume", "last", "--runner", "ray", "--max-trials", 3)
    assert on.exit_code == 0, on.stderr
    assert "all 3 trials are done" in on.stdout
    assert len(ray.inits) == 4, "each asks for a cluster that runs, and then starts one"


def test_a_dry_run_asks_no_cluster_and_says_so(sweep: Type, ray: FakeRay) -> None:
    done = sweep("--runner", "ray", "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "times and threads are of this machine; a dry run doesn't ask the cluster" in done.stderr
    assert ray.inits == []


def test_without_ray_nothing_is_begun(sweep: Type, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_runner, "find_spec", lambda name: None)
    for words in (("--runner", "ray"), ("--runner", "ray", "--dry-run")):
        done = sweep(*words)
        assert done.exit_code == 2
        assert 'type: pip install "vistry[ray]"' in done.stderr
    assert not folders.exists()


def test_what_a_runner_isnt_of(sweep: Type, folders: Path, tmp_path: Path) -> None:
    assert "there is no runner 'slurm'" in sweep("--runner", "slurm").stderr
    assert "--runner is of a sweep, and this is a run" in type_in("resume", "a-run", "--runner", "ray").stderr
    draw_images(tmp_path)
    (tmp_path / "one.yml").write_text(ONE)
    done = type_in("job", "run", tmp_path / "one.yml", "--runner", "ray")
    assert done.exit_code == 2
    assert "one.yml asks for one training, which this machine carries out; --runner ray is for sweeps" in done.stderr
    assert not folders.exists()


def test_a_job_file_on_ray(ray: FakeRay, folders: Path, tmp_path: Path) -> None:
    draw_images(tmp_path)
    (tmp_path / "sweep.yml").write_text(SWEEP)
    done = type_in("job", "run", tmp_path / "sweep.yml", "--runner", "ray")
    assert done.exit_code == 0, done.stderr
    assert "on the cluster a trial has 3 threads" in done.stdout
    assert "trains on a Ray cluster" in done.stdout


def test_a_sweep_is_begun_for_others_to_work_on(sweep: Type, tmp_path: Path) -> None:
    done = sweep("--begin-only", "--max_trials", 2, "--threads", 5, "--output", tmp_path / "begun")
    assert done.exit_code == 0, done.stderr
    assert f"type, as often as you like: vistry resume {tmp_path / 'begun'}" in done.stdout
    folder = SweepFolder(tmp_path / "begun")
    assert folder.trials() == []
    assert folder.events() == [], "its time hasn't begun"
    assert folder.record.threads == 5
    on = type_in("resume", tmp_path / "begun")
    assert "all 2 trials are done" in on.stdout

    content = json.loads(sweep("--begin-only", "--json", "--output", tmp_path / "other").stdout)
    assert content == {"schema": 1, "sweep": str(tmp_path / "other")}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            ("--runner", "ray"),
            "--begin-only trains nothing, and --runner is for those who do: leave it out",
        ),
        (("--dry-run",), "--begin-only makes a folder, and --dry-run makes none; leave one of them out"),
    ],
)
def test_what_begin_only_doesnt_go_with(sweep: Type, folders: Path, option: tuple[str, ...], message: str) -> None:
    done = sweep("--begin-only", *option)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not folders.exists()
