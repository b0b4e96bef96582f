"""Sweeps written as files, as if they had run: of any number of trials, and without a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from vistry.evaluation.confidence_interval import Interval
from vistry.registry.field_spec import Scalar
from vistry.runs.files import write_text
from vistry.runs.json_records import json_text
from vistry.runs.records import DataRecord, EngineFacts, EpochEntry, RunStatus
from vistry.sweep.distribution import Distribution
from vistry.sweep.folder import SweepFolder, new_sweep_folder
from vistry.sweep.records import Event, FixedRecord, RequestRecord, SweepRecord
from vistry.sweep.request import Limits, SamplerRequest, TerminationRequest
from vistry.sweep.space import Group, ModelDefaults, Score, Space
from vistry.sweep.trial import TrialRecord, TrialState

HOSTILE = "<script>throw 1</script>&\"'"
MODELS = {"resnet/resnet18": 0.86, "mobilenet/mobilenetv2": 0.82, "vit/vits16r224": 0.90}
EPOCHS = 15
WriteSweep = Callable[..., SweepFolder]


def space() -> Space:
    """Two groups: the second has a coordinate of its own, and another range of the rate."""
    shared = {
        "optimizer": Distribution(kind="choice", choices=("sgd", "adamw")),
        "weight_decay": Distribution(kind="loguniform", low=1e-6, high=1e-2),
    }
    names = list(MODELS)
    rate = Distribution(kind="loguniform", low=0.1, high=5.0, is_relative=True)
    freeze = Distribution(kind="choice", choices=(None, 1, 2))
    batch = Distribution(kind="choice", choices=(8, 16, 32))
    groups = (
        Group(
            models=tuple(names[:2]),
            parameters={"learning_rate": rate, **shared, "layers_to_freeze": freeze, "training_batch_size": batch},
        ),
        Group(models=(names[2],), parameters={"learning_rate": rate, **shared, "training_batch_size": batch}),
    )
    defaults = {
        name: ModelDefaults(
            values={
                "learning_rate": 0.01,
                "number_of_epochs": EPOCHS,
                "optimizer": "sgd",
                "weight_decay": 1e-4,
                "layers_to_freeze": None,
                "training_batch_size": 16,
            },
            rates={"sgd": 0.01, "adamw": 0.0005},
        )
        for name in names
    }
    return Space(groups=groups, defaults=defaults, score=Score(metric="accuracy", limit=1))


def record(trials: int) -> SweepRecord:
    return SweepRecord(
        id="written",
        task="image_classification",
        models=tuple(MODELS),
        space=space(),
        sampler=SamplerRequest(name="auto", seed=3),
        termination=TerminationRequest(),
        limits=Limits(max_trials=trials, time_limit=7200.0),
        seed=3,
        primary_metric="accuracy",
        larger_is_better=True,
        classes=("a", "b"),
        request=RequestRecord(data="/data/flo wers", group_by="{group}_*.jpg"),
        data=DataRecord(source="/data", training_images=200, validation_images=50, training_class_counts=(100, 100)),
        threads=1,
        created="2026-03-05T14:07:00+0000",
        command=("vistry", "sweep", "--data", "/data/flo wers"),
        fixed=FixedRecord(values={"number_of_epochs": EPOCHS, "early_stopping": False}),
        notes={"name": f"flowers {HOSTILE}", "description": "of the meadow"},
    )


class Writer:
    """Writes trials whose scores depend on what they tried; the same seed gives the same sweep."""

    def __init__(self, sweep: SweepFolder, seed: int):
        self._sweep, self._random, self._clock = sweep, np.random.default_rng(seed), 1_000_000.0
        self.events: list[Event] = []

    def event(self, kind: str, trial: int | None = None, score: float | None = None, reason: str = "") -> None:
        self.events.append(Event(time=self._clock, worker="a:1", kind=kind, trial=trial, score=score, reason=reason))

    def trial(self, number: int) -> None:
        """Write a trial and its end: every eleventh fails, and of the others some are paused or stopped."""
        names = list(MODELS)
        model = names[number - 1] if number <= len(names) else str(self._random.choice(names))
        group = 1 if model == names[2] else 0
        values = self._values(group, number)
        why = (
            f"default of {model.partition('/')[2]}" if number <= len(names) else ["sobol", "tpe", "random"][number % 3]
        )
        rate = float(values["learning_rate"] or 0) / (0.01 if values["optimizer"] == "sgd" else 0.0005)
        final = MODELS[model] - 0.05 * np.log10(rate) ** 2 + self._random.normal(0, 0.01)
        status, trained, reason = self._end(number, final)
        scores = [float(final * (1 - 0.6 * np.exp(-(epoch + 1) / 3))) for epoch in range(trained)]
        self._write(number, model, group, values, why)
        self._sweep.write_state(number, TrialState(status=status, reason=reason))
        self._run(number, scores, model)
        self.event("begun", number)
        self._clock += 12.0 * max(1, trained)
        best = max(scores, default=None)
        self.event(status, number, best, reason)

    def _values(self, group: int, number: int) -> Mapping[str, Scalar | None]:
        random = self._random
        optimizer = "sgd" if number <= len(MODELS) else str(random.choice(["sgd", "adamw"]))
        base = 0.01 if optimizer == "sgd" else 0.0005
        factor = 1.0 if number <= len(MODELS) else float(np.exp(random.uniform(np.log(0.11), np.log(4.9))))
        values: dict[str, Scalar | None] = {
            "learning_rate": base * factor,
            "optimizer": optimizer,
            "weight_decay": 1e-4
            if number <= len(MODELS)
            else float(np.exp(random.uniform(np.log(2e-6), np.log(9e-3)))),
        }
        if group == 0:
            values["layers_to_freeze"] = None if number <= len(MODELS) else [None, 1, 2][int(random.integers(3))]
        values["training_batch_size"] = 16 if number <= len(MODELS) else int(random.choice([8, 16, 32]))
        return values

    def _end(self, number: int, final: float) -> tuple[str, int, str]:
        if number % 11 == 0:
            return "failed", 1, f"the loss is not a number at epoch 2 of {HOSTILE}"
        if number > len(MODELS) and final < 0.84:
            return "paused", 2, f"{final - 0.2:.3f} after 2 epochs, and the third best has .71"
        if number > len(MODELS) and number % 7 == 0:
            return "stopped", 5, "best .55 < .667 = .8 / 1.2"
        return "completed", EPOCHS, "all epochs are done"

    def _write(self, number: int, model: str, group: int, values: Mapping[str, Scalar | None], why: str) -> None:
        self._sweep.write_trial(
            TrialRecord(number=number, group=group, model=model, values=values, why=why, epochs=EPOCHS, threads=1)
        )

    def _run(self, number: int, scores: list[float], model: str) -> None:
        run, best = self._sweep.run_of(number), max(scores, default=None)
        run.write_history(
            EpochEntry(
                epoch=epoch,
                train_loss=1.0,
                learning_rate=0.1,
                train_seconds=10.0,
                metrics={"accuracy": score},
                evaluation_seconds=0.5 + list(MODELS).index(model),
            )
            for epoch, score in enumerate(scores)
        )
        engine = EngineFacts(
            backend="torch",
            backend_version="2",
            device="cpu",
            precision="fp32",
            precision_reason="asked for",
            parameters=11_000_000,
            trainable_parameters=11_000_000,
        )
        interval = None if best is None else Interval(best - 0.08, best + 0.08, 0.95, 1000)
        status = RunStatus(status="completed", reason="", started="", engine=engine, best_score=best, best_epoch=1)
        run.write(replace(status, interval=interval))


def write_sweep(path: Path, trials: int, seed: int = 0) -> SweepFolder:
    """Write a sweep of so many trials into a new folder."""
    sweep = new_sweep_folder("multiclass", path)
    sweep.write(record(trials))
    writer = Writer(sweep, seed)
    writer.event("opened")
    for number in range(1, trials + 1):
        writer.trial(number)
    writer.event("deleted", 2, reason="best.safetensors")
    writer.event("closed")
    write_text(sweep.path / "events.jsonl", "".join(f"{json_text(event)}\n" for event in writer.events))
    return SweepFolder(sweep.path)


@pytest.fixture(name="write_sweep")
def _write_sweep(tmp_path: Path) -> WriteSweep:
    """Write a sweep of so many trials below the test's folder."""

    def write(trials: int, seed: int = 0) -> SweepFolder:
        return write_sweep(tmp_path / f"sweep{trials}", trials, seed)

    return write
