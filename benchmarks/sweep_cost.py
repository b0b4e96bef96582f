"""What a sweep costs beside its trainings, as a share of a sweep of twenty one-minute trials.

    python benchmarks/sweep_cost.py [--trials 8] [--runner local|ray] [--seconds-only]

Sweeps of short trainings, ResNet-18 at 32 px on drawn images, one trial at a time with one thread, each a command of
its own. First by the clock, from the sweep's events: from the command's start to its first trial; in each trial, what
isn't training or evaluation (its process, the network, its files, its report); between two trials; and from the last
one to the command's end. The clock counts what other programs do to the machine, too.

Then by the processor's time of all processes, which hardly depends on others. What an epoch, a trial beside its epochs
and a sweep beside its trials take follows from three sweeps: few trials of one epoch, more of one epoch, more of three.
With Ray the trials aren't this program's descendants, so there is only the clock.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from together import drawn_images
from vistry.sweep.folder import SweepFolder

MINUTE, TRIALS = 60.0, 20
FEW = 2


@dataclass(frozen=True)
class Carried:
    """A sweep that was carried out: its folder, from when to when, and the processor's seconds."""

    folder: SweepFolder
    began: float
    ended: float
    processor: float


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--runner", default="local")
    parser.add_argument("--seconds-only", action="store_true", help="only by the clock")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drawn_images(Path(folder))
        more = carried_out(Path(folder), arguments.trials, 1, runner=arguments.runner)
        by_the_clock(more, arguments.runner)
        if arguments.runner == "local" and not arguments.seconds_only:
            by_the_processor(Path(folder), more, arguments.trials)


def carried_out(folder: Path, trials: int, epochs: int, *, runner: str) -> Carried:
    """Carry out a sweep of the images in a folder."""
    output = folder / f"sweep-{trials}-{epochs}"
    command = [sys.executable, "-m", "vistry", "sweep", "--data", str(folder / "data"), "--task", "multiclass"]
    command += ["--model", "resnet18", "--weights", "none", "--number_of_epochs", str(epochs), "--threads", "1"]
    command += ["--training_crop_size", "32", "--validation_resize_size", "32", "--validation_crop_size", "32"]
    command += ["--training_batch_size", "16", "--learning_rate", "0.001..0.1", "--stopping", "none"]
    command += ["--warmup_cosine_lr_warmup_epochs", "1", "--max-trials", str(trials), "--max-concurrent-trials", "1"]
    command += ["--runner", runner, "--output", str(output)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Carried(SweepFolder(output), began, time.time(), processor)


def by_the_clock(sweep: Carried, runner: str) -> None:
    """Print the seconds beside epochs; of what happens every trial, the median."""
    events, trials = sweep.folder.events(), sweep.folder.trials()
    begun = {event.trial: event.time for event in events if event.kind == "begun"}
    completed = {event.trial: event.time for event in events if event.kind == "completed"}
    if completed.keys() != begun.keys():
        raise SystemExit(f"a trial hasn't ended: {sweep.folder.path}")
    beside = [completed[trial.number] - begun[trial.number] - trial.seconds for trial in trials]
    between = [begun[later.number] - completed[earlier.number] for earlier, later in pairwise(trials)]
    once = min(begun.values()) - sweep.began, sweep.ended - max(completed.values())
    print(f"\n| {runner}, by the clock | seconds |\n|---|---|")
    print(f"| before the first trial | {once[0]:.2f} |")
    print(f"| the first trial, beside its epochs | {beside[0]:.2f} |")
    print(f"| each other trial, beside its epochs | {statistics.median(beside[1:]):.2f} |")
    print(f"| between two trials | {statistics.median(between):.2f} |")
    print(f"| after the last trial | {once[1]:.2f} |")


def by_the_processor(folder: Path, more: Carried, trials: int) -> None:
    """Print the processor's seconds of an epoch, a trial and a sweep, each without the one before."""
    few = carried_out(folder, FEW, 1, runner="local").processor
    longer = carried_out(folder, trials, 3, runner="local").processor
    epoch = (longer - more.processor) / (2 * trials)
    trial = (more.processor - few) / (trials - FEW) - epoch
    sweep = few - FEW * (trial + epoch)
    share = (TRIALS * trial + sweep) / (TRIALS * MINUTE)
    print("\n| local, by the processor | seconds |\n|---|---|")
    print(f"| an epoch | {epoch:.2f} |\n| a trial, beside its epochs | {trial:.2f} |")
    print(f"| a sweep, beside its trials | {sweep:.2f} |")
    print(f"| a sweep of {TRIALS} one-minute trials, beside their epochs | {100 * share:.1f} % |")


if __name__ == "__main__":
    main()
