"""What a model costs on this machine: the time and memory of a training step and of a prediction, measured.

The measuring is done in a process of its own (measured_steps.py), so that its memory is the model's and nothing else's.
The model has random weights: nothing is fetched.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, TypedDict, cast

from vistry.errors import RegistryError, VistryError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named

_MODULE = "vistry.choosing.measured_steps"


class MeasurementRecord(TypedDict):
    """What a model costs on this machine, and how that was measured."""

    model: Annotated[str, "full name"]
    task: str
    backend: str
    backend_version: str
    machine: Annotated[str, "processor, cores and memory in words"]
    device: Annotated[str, "the GPU's model, or cpu"]
    precision: str
    batch: Annotated[int, "images of a step"]
    training_pixels: Annotated[int, "side of each square image of a training step"]
    prediction_pixels: Annotated[int, "side of each square image of a prediction"]
    classes: int
    trainable_parameters: int
    seed: Annotated[int, "of the weights and of the images"]
    steps: Annotated[int, "of training, of which the median is taken"]
    warm_up: Annotated[int, "steps before them"]
    compile_seconds: float
    training_seconds: Annotated[float, "a step: forward, backward and update"]
    prediction_seconds: Annotated[float, "a batch, with its postprocessing"]
    start_bytes: Annotated[int, "resident memory of the process before the model was built"]
    training_bytes: Annotated[int, "peak resident memory of the process"]
    prediction_bytes: Annotated[int, "the same before anything was trained"]
    training_gpu_bytes: Annotated[int | None, "peak memory of the GPU; null: there is none"]
    prediction_gpu_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a model costs on this machine, and how that was measured.

    Times are medians, in seconds for a batch; memory is the peak in bytes, resident in the process and in use on the
    GPU (None where there is none). `start_bytes` is the process before the model was built: Python and its libraries.
    """

    model: str
    task: str
    backend: str
    backend_version: str
    machine: str
    device: str
    precision: str
    batch: int
    training_pixels: int
    prediction_pixels: int
    classes: int
    trainable_parameters: int
    seed: int
    steps: int
    warm_up: int
    compile_seconds: float
    training_seconds: float
    prediction_seconds: float
    start_bytes: int
    training_bytes: int
    prediction_bytes: int
    training_gpu_bytes: int | None
    prediction_gpu_bytes: int | None

    def to_dict(self) -> MeasurementRecord:
        """The measurement as plain JSON values."""
        return cast(MeasurementRecord, asdict(self))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be measured: a model by its full name, for a task by its full name."""

    model: str
    task: str
    backend: str
    batch: int | None = None

    @classmethod
    def about(cls, card: ModelCard, *, task: str | None, backend: str | None, batch: int | None) -> Question:
        """Ask about a model, for its first task and in its first backend where none is named. Raises RegistryError."""
        name = card.tasks[0] if task is None else task_named(task).name
        if name not in card.tasks:
            raise RegistryError(f"{card.name} doesn't do {name}; it does {', '.join(card.tasks)}")
        backend = backend or card.backends[0]
        if backend not in card.backends:
            raise RegistryError(f"{card.name} has no backend '{backend}'; use {' or '.join(card.backends)}")
        if batch is not None and batch < 1:
            raise RegistryError(f"batch = {batch} must be an integer of at least 1")
        return cls(model=card.full_name, task=name, backend=backend, batch=batch)


def measure(
    model: str, *, task: str | None = None, backend: str | None = None, batch: int | None = None
) -> Measurement:
    """Measure a model's training step and prediction on this machine, with random weights and images.

    Args:
        model: the model's name.
        task: a task's name or alias; by default the model's first.
        backend: the tensor library, "torch" or "jax"; by default the model's first.
        batch: images of a step; by default 8, or fewer where the model's own default is.

    Raises VistryError: the model lacks the task or the backend, or refuses the batch; or memory is short.
    """
    card = Catalogue.read().model(model)
    return answer_to(Question.about(card, task=task, backend=backend, batch=batch))


def answer_to(question: Question) -> Measurement:
    """Measure in a process of its own. Raises VistryError."""
    # -P: as for the command `vistry`, what lies in the working folder isn't imported.
    command = [sys.executable, "-P", "-m", _MODULE, json.dumps(asdict(question))]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = process.stdout.splitlines()  # a plugin may have printed before
    if process.returncode or not lines:
        raise VistryError(f"{question.model} can't be measured: {_death(process)}")
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise VistryError(answer["error"])
    return Measurement(**answer)


def _death(process: subprocess.CompletedProcess[str]) -> str:
    if process.returncode < 0:
        return (
            f"the system ended its process with signal {-process.returncode}, most likely for want of memory; "
            "name a smaller batch"
        )
    return (process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
