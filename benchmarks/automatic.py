"""What the automatic mode finds in a few minutes, against each model's default and against a random search.

    python benchmarks/automatic.py flowers=FOLDER clothes=FOLDER --minutes 5 --seeds 3 --models a,b,c --results FILE

Each folder has a folder a class; a quarter of it, another one for each seed, is held out and chooses nothing. Where it
has train/ and test/, that is the division. Every method has the same minutes, its own process and `--threads` threads,
`--at-once` of them side by side. Models are those with weights on this machine, or those named; VISTRY_REGISTRY may
name a policy that gives one its file. A line of FILE is one result; what stands there already isn't run again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

TEST_SHARE = 4  # one image in so many is held out
AUTO, RANDOM = "auto", "random with bandit"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one method ended with: the accuracy on validation and held-out images, and how many the latter are."""

    data: str
    seed: int
    method: str
    minutes: float
    validation: float | None
    test: float | None
    test_images: int
    seconds: float
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One method on one data set with one seed."""

    data: str
    folder: Path
    seed: int
    method: str
    arguments: tuple[str, ...]


def main() -> None:
    """Run what is missing, and print the table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("automatic.jsonl"))
    options = parser.parse_args()
    if not options.data:
        print("benchmarks/automatic.py needs folders of labelled images: NAME=FOLDER")
        return
    models = options.models.split(",") if options.models else models_here()
    done = {(one.data, one.seed, one.method) for one in results_in(options.results)}
    cases = [
        case
        for seed in range(options.seeds)
        for name, _, folder in (entry.partition("=") for entry in options.data)
        for case in cases_of(name, Path(folder), seed, models=models)
        if (name, seed, case.method) not in done
    ]
    with ThreadPoolExecutor(options.at_once) as pool:
        for result in pool.map(lambda case: carried_out(case, options.minutes, options.threads), cases):
            with options.results.open("a") as file:
                file.write(json.dumps(asdict(result)) + "\n")
            print(result, flush=True)
    print_table(results_in(options.results))


def models_here() -> list[str]:
    """The classifiers that have weights on this machine."""
    import vistry

    return [card.name for card in vistry.models(task="multiclass", cached=True)]


def cases_of(name: str, folder: Path, seed: int, *, models: list[str]) -> list[Case]:
    """The automatic mode, the default of each model, and a random search among them with early termination."""
    methods = {
        AUTO: ("sweep", "--seed", str(seed)),
        **{f"default of {model}": ("train", "--model", model) for model in models},
        RANDOM: ("sweep", "--model", ",".join(models), "--sampler", "random", "--seed", str(seed)),
    }
    methods[RANDOM] += ("--stopping", "bandit", "--slack-factor", "0.2", "--delay-evaluation", "5")
    return [
        Case(data=name, folder=folder, seed=seed, method=method, arguments=arguments)
        for method, arguments in methods.items()
    ]


def carried_out(case: Case, minutes: float, threads: int) -> Result:
    """Train by one method and measure what comes of it on the images that were held out."""
    with tempfile.TemporaryDirectory() as folder:
        training, test = divided(case.folder, Path(folder), case.seed)
        output = Path(folder) / "output"
        began = time.monotonic()
        command = [*case.arguments, "--task", "multiclass", "--data", str(training), "--output", str(output)]
        vistry([*command, "--time-limit", f"{minutes}m", "--random_seed", str(case.seed), "--threads", str(threads)])
        seconds = time.monotonic() - began
        run = best_run(output)
        if run is None:
            return Result(
                data=case.data,
                seed=case.seed,
                method=case.method,
                minutes=minutes,
                validation=None,
                test=None,
                test_images=0,
                seconds=seconds,
            )
        measured = json.loads(vistry(["evaluate", str(run), str(test), "--json"]))
        record = json.loads((run / "run.json").read_text())
        status = json.loads((run / "status.json").read_text())
        return Result(
            data=case.data,
            seed=case.seed,
            method=case.method,
            minutes=minutes,
            validation=status.get("best_score"),
            test=measured["metrics"]["accuracy"],
            test_images=sum(1 for path in test.rglob("*") if path.is_file()),
            seconds=seconds,
            model=record["model"]["name"],
        )


def vistry(arguments: list[str]) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run([sys.executable, "-m", "vistry", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return done.stdout


def best_run(output: Path) -> Path | None:
    """The run itself, or the best one of a sweep."""
    if (output / "run.json").is_file():
        return output
    board = json.loads((output / "leaderboard.json").read_text())["trials"]
    return output / "trials" / f"{board[0]['trial']:04d}" if board and board[0]["score"] is not None else None


def divided(source: Path, target: Path, seed: int) -> tuple[Path, Path]:
    """Copy a folder of classes into images to search with and images that are held out."""
    training, test = target / "training", target / "test"
    if (source / "train").is_dir() and (source / "test").is_dir():
        shutil.copytree(source / "train", training)
        shutil.copytree(source / "test", test)
        return training, test
    random = np.random.default_rng(seed)
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        images = sorted(path for path in folder.iterdir() if path.is_file())
        held_out = set(random.permutation(len(images))[: len(images) // TEST_SHARE].tolist())
        for place, image in enumerate(images):
            copy = (test if place in held_out else training) / folder.name / image.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image, copy)
    return training, test


def results_in(path: Path) -> list[Result]:
    """The results that stand in a file."""
    if not path.is_file():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines()]


def print_table(results: list[Result]) -> None:
    """The mean over seeds of each method, with the standard error that so many held-out images leave."""
    print("| data | method | seeds | accuracy on held-out images | on validation |\n|---|---|---|---|---|")
    for data, method in dict.fromkeys((one.data, one.method) for one in results):
        of_method = [one for one in results if (one.data, one.method) == (data, method) and one.test is not None]
        if not of_method:
            print(f"| {data} | {method} | 0 | none had a model | |")
            continue
        mean = float(np.mean([one.test for one in of_method]))
        error = math.sqrt(mean * (1 - mean) / sum(one.test_images for one in of_method))
        validation = np.mean([one.validation for one in of_method if one.validation is not None] or [math.nan])
        print(f"| {data} | {method} | {len(of_method)} | {mean:.3f} +- {error:.3f} | {validation:.3f} |")


if __name__ == "__main__":
    os.environ.setdefault("VISTRY_OFFLINE", "1")
    main()
