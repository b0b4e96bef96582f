"""What the loop costs over its bare steps: the same updates with batches at hand and nothing around them.

In one process, in turn, medians of pairs: `python benchmarks/loop_overhead.py [--pairs 5]`. The images are small
enough that reading them, which goes on beside the steps, doesn't decide the figure.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import vistry
from train_speed import write_photographs
from vistry.hyperparameter.schema import Source
from vistry.loading.batches import BatchReader
from vistry.training.plan import Plan, Request, make_plan

SETTINGS = {"weights": "none", "number_of_epochs": 1, "training_batch_size": 8, "learning_rate": 0.001}


def bare(plan: Plan) -> float:
    """Seconds of an epoch's updates on batches read beforehand."""
    engine = plan.context.engine(plan.context.module(len(plan.classes)), plan.data_summary)
    dataset = plan.context.input().dataset(plan.training)
    with BatchReader(dataset) as reader:
        ready = list(reader.read(dataset.batches(0, 0), 0, 0))
    began = time.perf_counter()
    for step, batch in enumerate(ready):
        engine.accumulate(batch, 1.0, step)
        engine.update(0.001)
    return time.perf_counter() - began


def main() -> None:
    """Print the overhead in percent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--model", default="resnet50")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photographs"
        write_photographs(folder, 60)
        plan = make_plan(
            Request(data=folder, task="multiclass", model=options.model), [Source.of(SETTINGS, "the call")]
        )
        bare(plan)
        ratios = []
        for pair in range(options.pairs):
            run = vistry.train(
                folder, task="multiclass", model=options.model, output=Path(place) / f"run{pair}", **SETTINGS
            ).run
            ratios.append(run.history()[0].train_seconds / bare(plan))
    percent = [round(100 * (ratio - 1), 1) for ratio in ratios]
    print(f"loop over bare steps: median {statistics.median(percent):+.1f} %, pairs {percent}")


if __name__ == "__main__":
    main()
