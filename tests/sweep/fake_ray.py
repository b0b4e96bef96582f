"""Ray as far as the runner uses it, in this process: a task is carried out when it is first asked for its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class RayError(Exception):
    """The parent of all."""


class RayTaskError(RayError):
    """A task has raised."""

    def __init__(self, cause: Exception):
        super().__init__(f"Traceback (most recent call last):\n{type(cause).__name__}: {cause}")
        self.cause = cause


class WorkerCrashedError(RayError):
    """The process of a task has died."""


class TaskCancelledError(RayError):
    """Somebody has cancelled a task."""


class Task:
    """A task that is carried out by `result`, once."""

    def __init__(self, call: Callable[[], Any], options: dict[str, Any]):
        self._call, self.options = call, options
        self.is_ready = True
        self.cancelled: list[bool] = []  # whether by force

    def result(self) -> Any:
        if self.cancelled:
            raise TaskCancelledError
        try:
            return self._call()
        except RayError:
            raise
        except Exception as error:
            raise RayTaskError(error) from error


class FakeRay(ModuleType):
    """The module. `running` says whether there is a cluster already; `machines` are its nodes' resources."""

    exceptions = SimpleNamespace(
        RayError=RayError,
        RayTaskError=RayTaskError,
        TaskCancelledError=TaskCancelledError,
        WorkerCrashedError=WorkerCrashedError,
    )

    def __init__(self) -> None:
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)
        self.running: set[str] = set()
        self.machines: list[dict[str, float]] = [{"CPU": 2.0}]
        self.inits: list[dict[str, Any]] = []
        self.environment: dict[str, str] = {}
        self.tasks: list[Task] = []
        self.shutdowns = 0

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.inits.append(options)
        self.environment = dict(os.environ)
        if options["address"] != "local" and options["address"] not in self.running:
            raise ConnectionError("nobody answers")

    def shutdown(self) -> None:
        self.shutdowns += 1

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": str(number), "Alive": True, "NodeManagerAddress": f"10.0.0.{number}", "Resources": resources}
            for number, resources in enumerate(self.machines)
        ]

    def remote(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        def wrap(function: Callable[..., Any]) -> Any:
            def begin(*arguments: Any) -> Task:
                self.tasks.append(Task(lambda: function(*arguments), options))
                return self.tasks[-1]

            return SimpleNamespace(remote=begin)

        return wrap

    def wait(self, tasks: list[Task], timeout: float) -> tuple[list[Task], list[Task]]:
        assert timeout == 0
        return [task for task in tasks if task.is_ready], [task for task in tasks if not task.is_ready]

    def get(self, task: Task, timeout: float | None = None) -> Any:
        return task.result()

    def cancel(self, task: Task, force: bool) -> None:
        task.cancelled.append(force)


def install(patch: pytest.MonkeyPatch) -> FakeRay:
    """Let `import ray` give a new one."""
    ray = FakeRay()
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda node, soft: (node, soft)  # type: ignore[attr-defined]
    for name, module in {"ray": ray, "ray.util": ModuleType("ray.util"), strategies.__name__: strategies}.items():
        patch.setitem(sys.modules, name, module)
    return ray
