"""Two trainings at once against one after the other, as commands of their own, on however many cores there are.

    python benchmarks/together.py [--epochs 3]

Each is `vistry train` of ResNet-18 at 32 px on drawn images. One after the other each has all cores; at once each has
half of them (`--threads`), or what it takes by itself: all for the first, and one shared for the second.
Only the seconds from start to end count, imports included, and the machine has to be quiet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES = 48  # of each class


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        data = drawn_images(Path(folder))
        half = ["--threads", str(max(1, cores // 2))]
        serial = seconds(data, epochs, options=[], at_once=False)
        rows = [
            ("one after the other, all cores each", serial),
            ("at once, half of the cores each", seconds(data, epochs, options=half, at_once=True)),
            ("at once, nothing said", seconds(data, epochs, options=[], at_once=True)),
        ]
    print(f"| {cores} cores | seconds | ratio |\n|---|---|---|")
    for name, taken in rows:
        print(f"| {name} | {taken:.1f} | {taken / serial:.2f} |")


def drawn_images(folder: Path) -> Path:
    """Two classes of noise, which are as much work as photographs."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / "data" / name).mkdir(parents=True)
        for index in range(IMAGES):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{index}.png")
    return folder / "data"


def seconds(data: Path, epochs: int, *, options: list[str], at_once: bool) -> float:
    """How long two trainings take from the start of the first to the end of the last."""
    began = time.monotonic()
    processes: list[subprocess.Popen[bytes]] = []
    for number in range(2):
        processes.append(training(data, epochs, options=options, number=number))
        if not at_once:
            processes[-1].wait()
    if any(process.wait() for process in processes):
        raise SystemExit("a training failed")
    return time.monotonic() - began


def training(data: Path, epochs: int, *, options: list[str], number: int) -> subprocess.Popen[bytes]:
    """Begin one."""
    command = [sys.executable, "-m", "vistry", "train", "--data", str(data), "--task", "multiclass"]
    command += ["--model", "resnet18", "--weights", "none", "--number_of_epochs", str(epochs)]
    command += ["--training_crop_size", "32", "--validation_resize_size", "32", "--validation_crop_size", "32"]
    command += ["--training_batch_size", "16", "--random_seed", str(number), *options]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    runs = str(data.parent / "runs")
    return subprocess.Popen(command, env={**environment, "VISTRY_RUNS": runs}, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
