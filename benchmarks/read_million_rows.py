"""Read, check and split one million JSON Lines rows; beside it, the obvious loop that only parses them.

    python benchmarks/read_million_rows.py [--rows 1000000]

Each program runs in a process of its own and prints one JSON line: seconds and peak resident memory. The image files
exist and are empty: nothing opens them, but each folder is listed.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LIMIT_SECONDS = 60
LIMIT_GIGABYTES = 1.5
CLASSES = [f"species {number:03d}" for number in range(200)]
FOLDER_SIZE = 1_000
TASKS = ("multiclass", "multilabel")


def write_images(folder: Path, rows: int) -> list[str]:
    """Write empty image files and return their paths below the folder."""
    names = [f"images/{row // FOLDER_SIZE:04d}/photo_{row:07d}.jpg" for row in range(rows)]
    for start in range(0, rows, FOLDER_SIZE):
        (folder / names[start]).parent.mkdir(parents=True)
        for name in names[start : start + FOLDER_SIZE]:
            (folder / name).touch()
    return names


def write_rows(path: Path, names: list[str], task: str) -> None:
    chosen = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one_row(name, chosen, task)) + "\n" for name in names)


def one_row(image_url: str, chosen: random.Random, task: str) -> dict[str, object]:
    details = {"format": "jpg", "width": "640px", "height": "480px"}
    several = sorted(set(chosen.choices(CLASSES, k=chosen.randint(0, 4))))
    label = several if task == "multilabel" else chosen.choice(CLASSES)
    return {"image_url": image_url, "image_details": details, "label": label}


def read_with_vistry(path: Path, task: str) -> dict[str, object]:
    from vistry.data.doctor import examine
    from vistry.data.splits import split
    from vistry.registry.tasks import task_named

    name = task_named(task).name
    diagnosis = examine(path, name, pixels="none")
    train, validation = split(diagnosis.table, name, groups=diagnosis.groups)
    return {"train": len(train), "validation": len(validation), "findings": len(diagnosis.findings)}


def read_with_json_loop(path: Path, task: str) -> dict[str, object]:  # noqa: ARG001
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    random.Random(0).shuffle(rows)
    cut = len(rows) // 5
    return {"train": len(rows[cut:]), "validation": len(rows[:cut])}


PROGRAMS: dict[str, Callable[[Path, str], dict[str, object]]] = {
    "vistry": read_with_vistry,
    "json.loads loop": read_with_json_loop,
}


def measure(program: str, path: Path, task: str) -> dict[str, object]:
    """Seconds and peak gigabytes of one program in this process."""
    start = time.perf_counter()
    result = PROGRAMS[program](path, task)
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"program": program, "seconds": round(seconds, 2), "peak_gb": round(gigabytes, 3), **result}


def run_apart(program: str, path: Path, task: str) -> dict[str, object]:
    """`measure` in a fresh process, so that each peak is its own."""
    command = [sys.executable, __file__, "--task", task, "--program", program, "--data", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, object] = json.loads(output)
    return result


def compare(folder: Path, names: list[str], task: str) -> bool:
    """Print a line for each program; whether ours keeps the limits."""
    path = folder / f"{task}.jsonl"
    write_rows(path, names, task)
    results = {program: run_apart(program, path, task) for program in PROGRAMS}
    for result in results.values():
        print(json.dumps({"rows": len(names), "task": task, **result}), flush=True)
    ours = results["vistry"]
    return float(str(ours["seconds"])) < LIMIT_SECONDS and float(str(ours["peak_gb"])) < LIMIT_GIGABYTES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        print(json.dumps(measure(options.program, options.data, options.task)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        names = write_images(Path(folder), options.rows)
        within_limits = [compare(Path(folder), names, task) for task in TASKS]
    return 0 if all(within_limits) else 1


if __name__ == "__main__":
    sys.exit(main())
