"""What a sweep costs beside its trainings: all seconds that aren't of an epoch, as a share of one-minute trials.

    python benchmarks/sweep_cost.py [--trials 12] [--runner local|ray]

A sweep of short trainings, ResNet-18 at 32 px on drawn images, one at a time, as a command of its own. The seconds come
from its events: from the command's start to its first trial; in each trial, what isn't training or evaluation (its
process, the network, its files and its report); between two trials (the choice of the next); and from the last trial
to the command's end. The first and the last are once a sweep, and are shared out among twenty trials.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from together import drawn_images
from vistry.sweep.folder import SweepFolder

MINUTE = 60.0
TRIALS = 20  # of the sweep whose share is told


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--runner", default="local")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "sweep"
        command = [sys.executable, "-m", "vistry", "sweep", "--data", str(drawn_images(Path(folder)))]
        command += ["--task", "multiclass", "--model", "resnet18", "--weights", "none", "--number_of_epochs", "2"]
        command += ["--training_crop_size", "32", "--validation_resize_size", "32", "--validation_crop_size", "32"]
        command += ["--training_batch_size", "16", "--learning_rate", "0.001..0.1", "--stopping", "none"]
        command += ["--max-trials", str(arguments.trials), "--max-concurrent-trials", "1", "--output", str(sweep)]
        command += ["--runner", arguments.runner]
        began = time.time()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = costs(SweepFolder(sweep), began, time.time())
    once = rows["before the first trial"] + rows["after the last trial"]
    of_trial = rows["in a trial, beside its epochs"] + rows["between two trials"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"| {cores} cores, {arguments.runner} | seconds | of a one-minute trial |\n|---|---|---|")
    for name, seconds in rows.items():
        share = seconds / TRIALS if "the" in name.split() else seconds
        print(f"| {name} | {seconds:.2f} | {100 * share / MINUTE:.1f} % |")
    print(f"| all, in a sweep of {TRIALS} | | {100 * (of_trial + once / TRIALS) / MINUTE:.1f} % |")


def costs(sweep: SweepFolder, began: float, ended: float) -> dict[str, float]:
    """The seconds beside epochs; of what happens every trial, the median."""
    events = sweep.events()
    begun = {event.trial: event.time for event in events if event.kind == "begun"}
    completed = {event.trial: event.time for event in events if event.kind == "completed"}
    if not completed.keys() == begun.keys():
        raise SystemExit(f"a trial hasn't ended: {sweep.path}")
    beside = [completed[trial.number] - begun[trial.number] - trial.seconds for trial in sweep.trials()]
    between = [begun[later.number] - completed[earlier.number] for earlier, later in pairwise(sweep.trials())]
    return {
        "before the first trial": min(begun.values()) - began,
        "in a trial, beside its epochs": statistics.median(beside),
        "between two trials": statistics.median(between),
        "after the last trial": ended - max(completed.values()),
    }


if __name__ == "__main__":
    main()
