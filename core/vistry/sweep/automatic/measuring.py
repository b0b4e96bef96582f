"""The process that tries candidates: `python -m` this. A line of JSON in is a question, a line out its answer.

It is a process of its own so that a model that kills it, or takes too long, costs one candidate. The first line says
which data and how they are read:

    {"data": FOLDER, "classes": [...], "task": ..., "primary_metric": ..., "request": {...}, "threads": 2, "cores": [0]}
    {"measure": {"model": ..., "values": {...}}}            -> {"step_seconds": ..., ...}, the fields of `Measured`
    {"probe": {"model": ..., "values": {...}, "images": 90}} -> {"accuracy": ..., "images": 90}
    anything that goes wrong                                 -> {"error": "a sentence"}

When the tensor library is loaded it says {"ready": true}, before any answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from vistry.data.split_origins import Division
from vistry.errors import VistryError
from vistry.hyperparameter.schema import Source
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS
from vistry.runs.json_records import from_json, json_text
from vistry.runs.records import SplitRecord
from vistry.runs.rows import read_rows
from vistry.sweep.records import RequestRecord
from vistry.training.plan import Plan, Splits, make_plan

LONGEST_STEPS = 2.0  # seconds, after which no further step is measured: there are others to look at


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a few steps of a model take on this machine.

    Seconds of an update, of an epoch with its evaluation, and to predict an image; bytes in use at most until then, and
    of the weights.
    """

    step_seconds: float
    epoch_seconds: float
    latency: float
    memory: int
    parameters: int
    model_size: int


@dataclass(frozen=True, kw_only=True)
class Probed:
    """The share of so many images that a linear model on the features of the others gets right."""

    accuracy: float
    images: int


@dataclass(frozen=True)
class Answerer:
    """Answers questions about models on one data set, whose rows lie in a folder."""

    setting: Mapping[str, Any]

    def answer(self, question: Mapping[str, Any]) -> Measured | Probed:
        """Answer a question. Raises whatever the model does."""
        if "measure" in question:
            return self._measured(**question["measure"])
        return self._probed(**question["probe"])

    @cached_property
    def _splits(self) -> Splits:
        folder, classes, task = Path(self.setting["data"]), tuple(self.setting["classes"]), self.setting["task"]
        training, validation = (read_rows(folder / name, classes, task) for name in (TRAINING_ROWS, VALIDATION_ROWS))
        division = Division(len(training), len(validation))
        return Splits(training, validation, (), split=SplitRecord(way="drawn"), division=division)

    def _plan(self, model: str, values: Mapping[str, Any]) -> Plan:
        record = from_json(RequestRecord, self.setting["request"], "the question")
        request = record.request(self.setting["task"], self.setting["primary_metric"], model)
        return make_plan(request, [Source.of(values, "the sweep")], self._splits)

    def _measured(self, model: str, values: Mapping[str, Any]) -> Measured:
        from vistry.sweep.footprint import prediction
        from vistry.training.estimate import estimate

        plan = self._plan(model, values)
        expected = estimate(plan, max_seconds=LONGEST_STEPS)
        latency, size = prediction(plan)
        return Measured(
            step_seconds=expected.step_seconds,
            epoch_seconds=expected.epoch_seconds,
            latency=latency,
            memory=expected.memory_bytes,
            parameters=expected.engine.parameters,
            model_size=size,
        )

    def _probed(self, model: str, values: Mapping[str, Any], images: int) -> Probed:
        from vistry.sweep.automatic.features import features_of, stratified
        from vistry.sweep.automatic.probe import leave_one_out_accuracy

        plan = self._plan(model, values)
        rows = stratified(plan.training, images)
        features, readable = features_of(plan, rows)
        targets = plan.training.take(readable).multi_hot()
        return Probed(accuracy=leave_one_out_accuracy(features, targets), images=len(readable))


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    importing = sys.argv[1] if len(sys.argv) > 1 else ""
    if importing == "torch":
        import torch  # noqa: F401  # while whoever asks still reads the data
    _say(answers, json.dumps({"ready": True}))
    answerer: Answerer | None = None
    for line in sys.stdin:
        question = json.loads(line)
        if answerer is None:
            answerer = Answerer(question)
            _prepare(question)
            continue
        _say(answers, _answered(answerer, question))


def _say(answers: TextIO, line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


def _answered(answerer: Answerer, question: Mapping[str, Any]) -> str:
    try:
        return json_text(answerer.answer(question))
    except VistryError as error:
        reason = str(error)
    except MemoryError:
        reason = "out of memory"
    except Exception as error:  # a tensor library's or a plugin's own: it costs one candidate
        reason = f"{type(error).__name__}: {error}"
    return json.dumps({"error": reason.partition("\n")[0]})


def _prepare(setting: Mapping[str, Any]) -> None:
    if setting["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, setting["cores"])
    os.environ["OMP_NUM_THREADS"] = str(setting["threads"])
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(setting["threads"])


if __name__ == "__main__":
    main()
