"""Trials on a Ray cluster: Ray finds a node for each; what comes of it is in the sweep's folder, which all nodes share.

Ray is an extra, and imported only here. Where no cluster runs, one is started on this machine alone, and ended again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from vistry.errors import TrainingError
from vistry.runs.files import write_text
from vistry.sweep import ray_node
from vistry.sweep.folder import SweepFolder
from vistry.sweep.places import Place
from vistry.sweep.trial_tasks import to_json
from vistry.sweep.trial_training import ERROR, TrialTask
from vistry.training.cores import allowed_cores

ADDRESS = "RAY_ADDRESS"
ANSWER = 120.0  # seconds in which a node answers; it may have to load Python from a slow disk
OBJECT_STORE = 80 * 2**20  # bytes, about the least that Ray takes; nothing is put there
LONGEST_TEMPORARY = 40  # characters: Ray makes sockets far below it, and a socket's path has 107 at most
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "300"}
# Of a cluster of our own: it is this user's alone, and Ray would write a token into the home folder.
OWN_SETTINGS = {"RAY_AUTH_MODE": "disabled"}


class Node(NamedTuple):
    """A machine of the cluster on which trials can run."""

    id: str
    address: str
    cores: int
    gpus: int


class RayRunner:
    """Trains on whatever cluster Ray reaches: that of RAY_ADDRESS, else one that runs here, else one of its own.

    To be entered and left: it ends what it has started. It connects when it is first needed.
    """

    def __init__(self, backend: str):
        if find_spec("ray") is None:
            raise TrainingError('the runner ray needs Ray, which isn\'t installed; type: pip install "vistry[ray]"')
        self._backend = backend
        self._tasks: dict[int, tuple[TrialTask, Any]] = {}
        self._ended: dict[int, int] = {}
        self._is_mine = False
        self._temporary: Path | None = None

    def __enter__(self) -> RayRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_mine:
            self._ray.shutdown()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    # The three methods of a runner

    def submit(self, task: TrialTask) -> int:
        """Let Ray start the task where there is room for it, now or later."""
        handle = len(self._tasks) + 1
        needs = {"num_cpus": task.threads, "num_gpus": 1 if self._has_gpus else 0}
        remote = self._ray.remote(max_retries=0, max_calls=0, **needs)(ray_node.train)
        self._tasks[handle] = task, remote.remote(to_json(task), self._backend, self._has_gpus)
        return handle

    def poll(self, handle: int) -> int | None:
        """The exit status of the task's process; that of SIGKILL, too, where Ray has lost its worker or its node."""
        if handle not in self._ended:
            task, reference = self._tasks[handle]
            ready, _ = self._ray.wait([reference], timeout=0)
            if not ready:
                return None
            self._ended[handle] = self._status(task, reference)
        return self._ended[handle]

    def kill(self, handle: int, *, gently: bool) -> None:
        """Cancel a task; one that waits for its node is then never begun."""
        if handle not in self._ended:
            self._ray.cancel(self._tasks[handle][1], force=not gently)

    # What is to be known of the cluster

    def threads(self, at_once: int | None) -> int:
        """The threads of a trial where nobody says: one trial a GPU, else a node, or so many `at_once` on all nodes."""
        nodes = self._nodes
        if self._has_gpus:
            return max(1, min(node.cores // node.gpus for node in nodes))
        on_each = -(-(at_once or 1) // len(nodes))
        return max(1, min(node.cores for node in nodes) // on_each)

    def places(self, folder: SweepFolder) -> list[Place]:
        """A place for each trial at once: as many as asked for, else as the cluster has room for.

        Raises TrainingError where a node can't train trials of this folder.
        """
        threads, nodes = folder.record.threads, self._nodes
        room = sum(min(node.cores // threads, node.gpus or node.cores) for node in nodes)
        if room == 0:
            raise TrainingError(
                f"a trial of {folder.id} has {threads} threads, and no node of the Ray cluster has more than "
                f"{max(node.cores for node in nodes)} cores; begin a sweep with fewer --threads"
            )
        for node in nodes:
            self._check(node, folder)
        place = Place(device="GPU" if self._has_gpus else "cpu")
        return [place] * (folder.record.limits.max_concurrent_trials or room)

    def sentence(self) -> str:
        """Where trials are trained."""
        whose = "one of its own, as no other runs" if self._temporary else "one that runs"
        count = len(self._nodes)
        return f"trains on a Ray cluster, {whose}, with {count} node{'s' if count != 1 else ''} for trials"

    # Ray

    @cached_property
    def _ray(self) -> Any:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        import ray

        if not ray.is_initialized():
            self._connect(ray)
            self._is_mine = True
        return ray

    def _connect(self, ray: Any) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            ray.init(address=os.environ.get(ADDRESS) or "auto", **quiet)
        except ConnectionError as error:
            if address := os.environ.get(ADDRESS):
                raise TrainingError(f"there is no Ray cluster at {address}, which {ADDRESS} names: {error}") from None
            self._start(ray, quiet)

    def _start(self, ray: Any, quiet: dict[str, Any]) -> None:
        """Start a cluster of this machine, which ends with this process."""
        parent = tempfile.gettempdir()
        self._temporary = Path(
            tempfile.mkdtemp(prefix="ray-", dir=parent if len(parent) <= LONGEST_TEMPORARY else "/tmp")
        )
        with _environment(OWN_SETTINGS):
            ray.init(
                address="local",
                num_cpus=len(allowed_cores()),
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                _temp_dir=str(self._temporary),
                **quiet,
            )

    @cached_property
    def _nodes(self) -> list[Node]:
        """The nodes that trials can run on: those with GPUs, where there are any."""
        nodes = []
        for node in self._ray.nodes():
            cores, gpus = (int(node["Resources"].get(name, 0)) for name in ("CPU", "GPU"))
            if node["Alive"] and cores:
                nodes.append(Node(id=node["NodeID"], address=node["NodeManagerAddress"], cores=cores, gpus=gpus))
        if not nodes:
            raise TrainingError("no node of the Ray cluster has a core for trials; start one with --num-cpus above 0")
        return [node for node in nodes if node.gpus] or nodes

    @property
    def _has_gpus(self) -> bool:
        return self._nodes[0].gpus > 0

    def _status(self, task: TrialTask, reference: Any) -> int:
        errors = self._ray.exceptions
        try:
            return int(self._ray.get(reference))
        except errors.TaskCancelledError:
            return -signal.SIGINT
        except errors.RayTaskError as error:  # a process for the trial couldn't be started
            write_text(SweepFolder(task.folder).trial_folder(task.number) / ERROR, str(error))
            return 1
        except errors.RayError:  # its worker or its node has died
            return -signal.SIGKILL

    def _check(self, node: Node, folder: SweepFolder) -> None:
        """Let a node read a file of the sweep's folder, and write one."""
        token = secrets.token_hex(8)
        marker, answer = (folder.path / f".{token}-{name}" for name in ("marker", "answer"))
        marker.write_text(token)
        try:
            theirs, ours = self._look(node, folder, marker, answer=answer), version("vistry")
            if not answer.is_file() or answer.read_text() != token:
                raise _not_shared(node, folder, "what it writes isn't here")
        finally:
            for path in (marker, answer):
                with suppress(OSError):
                    path.unlink()
        if theirs != ours:
            raise TrainingError(
                f"node {node.address} of the Ray cluster has Vistry {theirs}, and this machine {ours}; install "
                "the same everywhere"
            )

    def _look(self, node: Node, folder: SweepFolder, marker: Path, *, answer: Path) -> str:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        where = NodeAffinitySchedulingStrategy(node.id, soft=False)
        look = self._ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=where)(ray_node.look_at)
        try:
            return str(self._ray.get(look.remote(str(marker), str(answer)), timeout=ANSWER))
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, OSError):
                raise _not_shared(node, folder, cause.strerror or str(cause)) from None
            reason = str(error).strip().rpartition("\n")[2]
            raise TrainingError(
                f"node {node.address} of the Ray cluster can't run trials: {reason}; it needs the same Python, Vistry "
                "and plugins as this machine"
            ) from None


def _not_shared(node: Node, folder: SweepFolder, reason: str) -> TrainingError:
    return TrainingError(
        f"node {node.address} of the Ray cluster doesn't share the sweep's folder {folder.path}: {reason}; begin the "
        "sweep in a folder that all nodes see by the same path, with --output or VISTRY_RUNS"
    )


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Have variables for a while, where nobody has set them."""
    mine = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)
