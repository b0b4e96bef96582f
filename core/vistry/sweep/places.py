"""Where trials are trained, each in a place of its own: on this machine's cores and GPUs, or on a cluster's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import Limits
from vistry.sweep.runner import Runner
from vistry.training.cores import Cores, cores_taken, gpus


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one trial at a time is trained: the cores, none for any, and the environment that names a GPU."""

    cores: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"


@runtime_checkable
class ClusterRunner(Runner, Protocol):
    """A runner that trains on other machines, and knows what there is to train on."""

    def threads(self, at_once: int | None) -> int:
        """The threads of a trial where nobody says, with so many at once or as many as there is room for."""
        ...

    def places(self, folder: SweepFolder) -> list[Place]:
        """A place for each trial at once. Raises TrainingError where those of this sweep can't be trained."""
        ...

    def sentence(self) -> str:
        """Where trials are trained, for the user."""
        ...


def places_wanted(limits: Limits) -> int:
    """How many trials are trained at once here: as asked for, else one a GPU, and one on a processor."""
    return limits.max_concurrent_trials or max(1, len(gpus()))


@contextmanager
def places_of(runner: Runner, folder: SweepFolder) -> Iterator[tuple[list[Place], str]]:
    """The places of a runner for a sweep's trials, and a sentence on them; "" where there is nothing to say.

    Cores of this machine are taken meanwhile. On a cluster each trial takes its own where it runs.
    """
    if isinstance(runner, ClusterRunner):
        yield runner.places(folder), runner.sentence()
        return
    threads, parts = folder.record.threads, places_wanted(folder.record.limits)
    with cores_taken(None if gpus() else threads * parts) as cores:
        yield _local_places(cores, parts, threads), cores.sentence()


def _local_places(cores: Cores, parts: int, threads: int) -> list[Place]:
    visible = gpus()
    places = []
    for part, numbers in enumerate(cores.divided(parts, threads)):
        gpu = visible[part % len(visible)] if visible else None
        environment = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
        places.append(Place(cores=numbers, environment=environment, device="cpu" if gpu is None else f"GPU {gpu}"))
    return places
