"""What a model of a sweep has to keep to, and whether it does: measured before it is trained, once for each size."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vistry.errors import RunError, TrainingError
from vistry.hyperparameter.schema import schema_of
from vistry.registry.catalogue import Catalogue
from vistry.runs.files import write_json
from vistry.runs.json_records import from_json, to_json
from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import Constraints
from vistry.sweep.space import Suggestion, Values

FOOTPRINTS = "footprints.json"
DRAWS = 100  # without one that keeps to the constraints, after which nothing is taken to


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a model takes: parameters, the bytes of its weights, seconds to predict one image, bytes to train it."""

    parameters: int
    model_size: int
    latency: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class FootprintsRecord:
    """footprints.json: what was measured, by model and sizes."""

    footprints: dict[str, Footprint]


def broken_constraint(sweep: SweepFolder, suggestion: Suggestion) -> str:
    """By which number a suggested trial breaks a constraint; "" where it keeps to all. Nothing is measured for none.

    Raises TrainingError where the model can't be measured.
    """
    constraints = sweep.record.constraints
    if constraints == Constraints():
        return ""
    return "; ".join(broken(constraints, footprint_of(sweep, suggestion)))


def broken(constraints: Constraints, footprint: Footprint) -> Iterator[str]:
    """Each constraint that a model breaks, with both numbers."""
    limit = constraints.max_parameters
    if limit is not None and footprint.parameters > limit:
        yield f"{footprint.parameters:,} parameters are more than {limit:,}"
    if constraints.max_model_size is not None and footprint.model_size > constraints.max_model_size:
        yield f"weights of {_mebibytes(footprint.model_size)} are more than {_mebibytes(constraints.max_model_size)}"
    if constraints.max_latency is not None and footprint.latency > constraints.max_latency:
        yield f"{1000 * footprint.latency:.1f} ms for an image are more than {1000 * constraints.max_latency:.1f} ms"
    if constraints.max_memory is not None and footprint.memory > constraints.max_memory:
        yield f"training takes {_mebibytes(footprint.memory)}, more than {_mebibytes(constraints.max_memory)}"


def footprint_of(sweep: SweepFolder, suggestion: Suggestion) -> Footprint:
    """What a suggested model takes, measured in a process of its own where it isn't known yet.

    The sweep is locked. Raises TrainingError.
    """
    path, key = sweep.path / FOOTPRINTS, _key(sweep, suggestion)
    known = _read(path)
    if key not in known:
        known = {**known, key: _measured(sweep, suggestion)}
        write_json(path, to_json(FootprintsRecord(footprints=known)))
    return known[key]


def _read(path: Path) -> dict[str, Footprint]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["footprints"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} can't be read: {error}; remove it, and models are measured again") from None
    return {key: from_json(Footprint, value, path) for key, value in values.items()}


def _key(sweep: SweepFolder, suggestion: Suggestion) -> str:
    """The model with the values that change what it takes."""
    catalogue = Catalogue.read()
    card = catalogue.model(suggestion.model)
    fields = schema_of(catalogue, card, sweep.record.task).fields
    sizes = {
        name: value
        for name, value in sorted(suggestion.values.items())
        if name == "training_batch_size"
        or name in card.hyperparameters
        or (name in fields and fields[name].spec.unit == "pixels")
    }
    return json.dumps([suggestion.model, sizes])


def _measured(sweep: SweepFolder, suggestion: Suggestion) -> Footprint:
    question = json.dumps([str(sweep.path), suggestion.model, dict(suggestion.values)])
    command = [sys.executable, "-P", "-m", "vistry.sweep.footprint", question]
    # In a session of its own: Ctrl-C is for the one who watches, and a model isn't to blame for it.
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise TrainingError(f"{suggestion.model} can't be measured: {last[0]}")
    return from_json(Footprint, json.loads(done.stdout.splitlines()[-1]), "what was measured")


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def values_of_question(question: str) -> tuple[SweepFolder, str, Values]:
    """The sweep, the model and the values that a process is asked to measure."""
    folder, model, values = json.loads(question)
    return SweepFolder(Path(folder)), model, values
