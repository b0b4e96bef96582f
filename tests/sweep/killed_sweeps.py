"""A program that works on a sweep again and again and is killed each time, but for the last time.

It trains the trials in its own processes, which it forks before it has computed anything: so each is killed at an exact
point, and starts as fast as it dies. Its arguments are the sweep's folder and a list of points in JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# What may be going on at that moment, and how often it happens in a sweep of the test's size.
POINTS = {"rename": 15, "checkpoint": 4, "backward": 8, "event": 3}


def kill_points(seed: int, number: int, reach: float = 1.0) -> Iterator[tuple[str, int]]:
    """Draw moments to be killed at: what is going on, and the how many-th time, counted from the process's start.

    `reach` is how far into the sweep the latest of them are: with a small one it lasts for many kills.
    """
    rng = random.Random(seed)
    for _ in range(number):
        where = rng.choice(list(POINTS))
        yield where, rng.randint(1, max(1, round(reach * POINTS[where])))


def killed_at(
    count: int, original: Callable[..., Any], before: Callable[..., None] | None = None
) -> Callable[..., Any]:
    """A function that kills its process when it is called the count-th time."""
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            if before is not None:
                before(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    return wrapped


def arm(where: str, count: int) -> None:
    """Be killed at a point."""
    if where == "rename":
        Path.replace = killed_at(count, Path.replace)  # type: ignore[method-assign]
    elif where == "checkpoint":
        from vistry.runs import checkpoint

        def half(tensors: Any, path: Path, header: Any) -> None:
            path.write_bytes(b"half a checkpoint")

        checkpoint.save_file = killed_at(count, checkpoint.save_file, half)
    elif where == "backward":
        import torch

        torch.Tensor.backward = killed_at(count, torch.Tensor.backward)  # type: ignore[method-assign]
    else:
        from vistry.sweep.folder import SweepFolder

        def half_a_line(folder: SweepFolder, *_: object) -> None:
            with (folder.path / "events.jsonl").open("a") as file:
                file.write('{"time": 17')

        SweepFolder.add_event = killed_at(count, SweepFolder.add_event, half_a_line)  # type: ignore[method-assign]


def work(folder: Path) -> None:
    """Work on the sweep until nothing is left, and train each trial in this process."""
    from vistry.sweep.folder import SweepFolder
    from vistry.sweep.session import work_on

    from tests.sweep.runners import InThisProcess

    work_on(SweepFolder(folder), runner=InThisProcess())


def main() -> None:
    """Work and be killed at each of the points, then work to the end; print how often it was killed."""
    import torch
    import vistry.training.session  # noqa: F401

    torch.set_num_threads(1)
    folder, kills = Path(sys.argv[1]), 0
    for point in [*json.loads(sys.argv[2]), None]:
        if (child := os.fork()) == 0:
            if point is not None:
                arm(*point)
            work(folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        kills += os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    print(kills)


if __name__ == "__main__":
    main()
