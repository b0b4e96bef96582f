"""What the runner asks of Ray, and what it makes of the answers; Ray itself has its test in test_ray.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from vistry.errors import TrainingError, VistryError
from vistry.sweep import ray_node, ray_runner
from vistry.sweep.folder import SweepFolder
from vistry.sweep.ray_runner import RayRunner
from vistry.sweep.request import Limits
from vistry.sweep.session import plan_sweep, resume_sweep, runner_named, with_threads
from vistry.sweep.trial_tasks import task_of
from vistry.sweep.trial_training import TrialTask

from tests.sweep import fake_ray
from tests.sweep.conftest import MakeRequest
from tests.sweep.fake_ray import FakeRay
from tests.sweep.runners import Pretending
from tests.sweep.test_worker import rising

Begin = Callable[..., SweepFolder]
TASK = TrialTask(folder=Path("sweep"), number=1, threads=2)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return fake_ray.install(monkeypatch)


def _pretend(monkeypatch: pytest.MonkeyPatch, **deaths: Exception) -> list[str]:
    """Let nodes only pretend to train; some trials, by `t1` and so on, end otherwise. The backends are returned."""
    backends: list[str] = []

    def train(values: Mapping[str, Any], backend: str, on_gpu: bool) -> int:
        backends.append(backend)
        task = task_of(dict(values))
        if (death := deaths.get(f"t{task.number}")) is not None:
            raise death
        Pretending(rising).submit(task)
        return 0

    monkeypatch.setattr(ray_node, "train", train)
    return backends


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_runner, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r'needs Ray, which isn\'t installed; type: pip install "vistry\[ray\]"'):
        runner_named("ray", "torch")


def test_a_runner_that_there_isnt(tmp_path: Path) -> None:
    with pytest.raises(VistryError, match="there is no runner 'rya'; did you mean 'ray'?"):
        runner_named("rya", "torch")


def test_a_sweep_is_trained_by_tasks_with_what_they_need(
    begun: Begin, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = _pretend(monkeypatch)
    sweep, lines = begun(max_trials=3), list[str]()
    assert resume_sweep(sweep.path, runner="ray", say=lines.append).reason == "all 3 trials are done"
    assert lines[0] == "trains on a Ray cluster, one of its own, as no other runs, with 1 node for trials"
    trainings = [task.options for task in ray.tasks if "scheduling_strategy" not in task.options]
    assert trainings == [{"max_retries": 0, "max_calls": 0, "num_cpus": 1, "num_gpus": 0}] * len(backends)
    assert set(backends) == {"torch"}
    assert ray.shutdowns == 1
    assert not [path for path in sweep.path.iterdir() if path.name.startswith(".")]


def test_a_dead_worker_fails_its_trial_and_the_sweep_goes_on(
    begun: Begin, ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pretend(monkeypatch, t1=fake_ray.WorkerCrashedError(), t2=ValueError("no server"))
    sweep = begun(max_trials=3, stopping="none")
    assert resume_sweep(sweep.path, runner="ray").reason == "all 3 trials are done"
    assert [trial.state.status for trial in sweep.trials()] == ["failed", "failed", "completed"]
    assert sweep.trial(1).state.reason == "its process was killed by SIGKILL, perhaps for want of memory"
    assert sweep.trial(2).state.reason == "its process ended with status 1"
    assert "ValueError: no server" in (sweep.trial_folder(2) / "error.txt").read_text()


def test_a_cluster_that_runs_is_used_as_it_is(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    ray.running = {"auto", "10.0.0.1:6379"}
    with RayRunner("torch") as runner:
        assert runner.sentence().startswith("trains on a Ray cluster, one that runs, with 1 node")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with RayRunner("torch") as runner:
        runner.sentence()
    assert [one["address"] for one in ray.inits] == ["auto", "10.0.0.1:6379"]
    assert "_temp_dir" not in ray.inits[0]
    assert "RAY_AUTH_MODE" not in ray.environment
    assert ray.environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert ray.shutdowns == 2, "it only leaves what it hasn't started"


def test_an_address_at_which_nobody_answers_is_an_error(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    with RayRunner("torch") as runner, pytest.raises(TrainingError, match="no Ray cluster at 10.0.0.7:6379, which RAY"):
        runner.threads(None)
    assert ray.shutdowns == 0


def test_one_of_its_own_tells_nobody_and_leaves_nothing(ray: FakeRay) -> None:
    with RayRunner("torch") as runner:
        runner.threads(None)
        options = ray.inits[-1]
        temporary = Path(options["_temp_dir"])
        assert temporary.is_dir()
        assert len(str(temporary)) < 60
        assert options["address"] == "local"
        assert options["include_dashboard"] is False
        assert ray.environment["RAY_AUTH_MODE"] == "disabled"
        assert ray.environment["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not temporary.exists()
    assert "RAY_AUTH_MODE" not in os.environ


def test_nothing_is_connected_before_it_is_needed(ray: FakeRay) -> None:
    with RayRunner("torch"):
        pass
    assert ray.inits == []
    assert ray.shutdowns == 0


@pytest.mark.parametrize(
    ("machines", "at_once", "threads"),
    [
        ([(8, 0)], None, 8),
        ([(8, 0), (4, 0)], None, 4),
        ([(0, 0), (8, 0)], None, 8),  # a head without cores trains nothing
        ([(8, 0), (8, 0)], 4, 4),
        ([(8, 0), (8, 0)], 3, 4),
        ([(8, 0)], 16, 1),
        ([(16, 0), (32, 4)], None, 8),  # trials go to GPUs where there are any
        ([(2, 4)], None, 1),
    ],
)
def test_threads_by_the_nodes(ray: FakeRay, machines: list[tuple[int, int]], at_once: int | None, threads: int) -> None:
    ray.machines = [{"CPU": cores, "GPU": gpus} for cores, gpus in machines]
    with RayRunner("torch") as runner:
        assert runner.threads(at_once) == threads


def test_the_plan_has_the_threads_of_the_cluster_unless_the_user_says(
    request_of: MakeRequest, folders: Path, ray: FakeRay
) -> None:
    ray.machines = [{"CPU": 7.0}]
    with RayRunner("torch") as runner:
        assert with_threads(plan_sweep(request_of()), None, runner).threads == 7
        assert with_threads(plan_sweep(request_of(), threads=3), 3, runner).threads == 3


@pytest.mark.parametrize(
    ("machines", "places", "needs"),
    [
        ([{"CPU": 8.0}, {"CPU": 3.0}, {"CPU": 1.0}], 11 // 2, {"num_cpus": 2, "num_gpus": 0}),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 2.0, "GPU": 4.0}], 3, {"num_cpus": 2, "num_gpus": 1}),
    ],
)
def test_as_many_places_as_there_is_room_for(
    request_of: MakeRequest, folders: Path, ray: FakeRay, machines: Any, places: int, needs: dict[str, int]
) -> None:
    from vistry.sweep.session import begin

    ray.machines = machines
    sweep = begin(plan_sweep(request_of(), threads=2))
    limited = begin(plan_sweep(request_of(limits=Limits(max_trials=9, max_concurrent_trials=7)), threads=2))
    with RayRunner("torch") as runner:
        assert len(runner.places(sweep)) == places
        assert len(runner.places(limited)) == 7
        runner.submit(TASK)
    assert needs.items() <= ray.tasks[-1].options.items()


def test_more_threads_than_any_node_has(request_of: MakeRequest, folders: Path, ray: FakeRay) -> None:
    from vistry.sweep.session import begin

    sweep = begin(plan_sweep(request_of(), threads=3))
    with RayRunner("torch") as runner, pytest.raises(TrainingError, match="has 3 threads, and no node .* than 2 cores"):
        runner.places(sweep)


def test_a_cluster_without_cores(ray: FakeRay) -> None:
    ray.machines = [{"CPU": 0.0}]
    with RayRunner("torch") as runner, pytest.raises(TrainingError, match="no node of the Ray cluster has a core"):
        runner.threads(None)


def _no_such_folder(marker: str, answer: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", marker)


def _elsewhere(marker: str, answer: str) -> str:
    return version("vistry")  # it has read and written a folder of its own


def _of_another_version(marker: str, answer: str) -> str:
    Path(answer).write_bytes(Path(marker).read_bytes())
    return "0.0.1"


def _no_vistry(marker: str, answer: str) -> str:
    raise ModuleNotFoundError("No module named 'vistry'")


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (_no_such_folder, r"10\.0\.0\.0 .* doesn't share the sweep's folder .*: No such file or directory; .*--output"),
        (_elsewhere, "doesn't share the sweep's folder .*: what it writes isn't here"),
        (_no_vistry, "can't run trials: ModuleNotFoundError: No module named 'vistry'; it needs the same Python, Vis"),
        (_of_another_version, "has Vistry 0.0.1, and this machine"),
    ],
)
def test_what_a_node_lacks_is_said_before_a_trial_begins(
    begun: Begin, ray: FakeRay, monkeypatch: pytest.MonkeyPatch, look: Any, message: str
) -> None:
    monkeypatch.setattr(ray_node, "look_at", look)
    sweep = begun()
    with pytest.raises(TrainingError, match=message):
        resume_sweep(sweep.path, runner="ray")
    assert sweep.trials() == []
    assert not [path for path in sweep.path.iterdir() if path.name.startswith(".")]


def test_a_task_that_is_cancelled_was_told_to_end(ray: FakeRay) -> None:
    with RayRunner("torch") as runner:
        gently, at_once = runner.submit(TASK), runner.submit(TASK)
        for task in ray.tasks:
            task.is_ready = False
        assert runner.poll(gently) is None
        runner.kill(gently, gently=True)
        runner.kill(at_once, gently=False)
        assert [task.cancelled for task in ray.tasks] == [[False], [True]]
        ray.tasks[0].is_ready = True
        assert runner.poll(gently) == -signal.SIGINT
        runner.kill(gently, gently=False)
        assert ray.tasks[0].cancelled == [False], "it has ended already"


class _Server:
    """A node's runner whose trial runs until it is told to end."""

    def __init__(self) -> None:
        self.task: TrialTask | None = None
        self.told: list[bool] = []

    def submit(self, task: TrialTask) -> int:
        self.task = task
        return 1

    def poll(self, handle: int) -> int | None:
        if not self.told:
            raise KeyboardInterrupt  # so Ray cancels a task
        return 130

    def kill(self, handle: int, *, gently: bool) -> None:
        self.told.append(gently)


def test_on_its_node_a_cancelled_trial_is_told_to_save_and_waited_for(
    monkeypatch: pytest.MonkeyPatch, folders: Path
) -> None:
    from vistry.sweep.trial_tasks import to_json

    server, before = _Server(), signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(ray_node, "_runner", lambda backend: server)
    try:
        assert ray_node.train(to_json(TrialTask(folder=folders, number=1, threads=1)), "torch", False) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.told == [True]
    assert server.task is not None
    assert len(server.task.cores) == 1, "it takes its cores where it runs"


def test_on_its_node_a_trial_gets_the_gpu_that_ray_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    from vistry.sweep.trial_tasks import to_json

    server, before = _Server(), signal.getsignal(signal.SIGINT)
    server.told.append(True)
    monkeypatch.setattr(ray_node, "_runner", lambda backend: server)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    try:
        ray_node.train(to_json(TASK), "torch", True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.task is not None
    assert server.task.environment == {"CUDA_VISIBLE_DEVICES": "3"}
    assert server.task.cores == ()
