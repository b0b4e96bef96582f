"""Job files drawn from the table of keys: valid ones are read, and one fault in them is named with its own line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Schema, schema_of
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.registry.tasks import TASK_NAMES
from vistry.sweep.job_files import models
from vistry.sweep.job_files.job import Job, read_job
from vistry.training import model_context

from tests.sweep.job_files.conftest import write_table

MODELS = {
    "image_classification": ["resnet18", "seresnext", "vits16r224", "mobilenetv2", "resnest50"],
    "image_classification_multilabel": ["resnet34", "seresnext", "vitb16r224"],
    "image_object_detection": ["yolov5", "fasterrcnn_resnet18_fpn", "retinanet_resnet50_fpn"],
    "image_instance_segmentation": ["maskrcnn_resnet18_fpn", "maskrcnn_resnet50_fpn"],
}
# Whole numbers inside of what every rule between hyperparameters allows.
SIZES = {
    "training_crop_size": (96, 224),
    "validation_resize_size": (256, 320),
    "min_size": (300, 500),
    "max_size": (600, 900),
    "image_size": (320, 640),
}
# What isn't searched, has values that only mean something here, or breaks rules where it is drawn alone.
LEFT_OUT = ("checkpoint_frequency", "checkpoint_run_id", "weights", "validation_crop_size", "early_stopping")
POLICIES: list[dict[str, Any]] = [
    {"type": "bandit", "slack_factor": 0.2, "evaluation_interval": 2},
    {"type": "bandit", "slack_amount": 0.05, "delay_evaluation": 3},
    {"type": "median_stopping", "evaluation_interval": 0},
    {"type": "truncation_selection", "truncation_percentage": 30},
]


@cache
def schema(task: str, model: str | None = None) -> Schema:
    catalogue = Catalogue.read()
    return schema_of(catalogue, catalogue.model(model) if model else None, task)


def spec_of(task: str, model: str, name: str) -> FieldSpec:
    """What a hyperparameter is for all models, or for one."""
    shared = schema(task).fields
    return (shared[name] if name in shared else schema(task, model).fields[name]).spec


def numbers(spec: FieldSpec) -> tuple[float, float]:
    """A range inside of that of a number."""
    low, high = spec.minimum or 0.0, spec.maximum or spec.below or 1.0
    return low + 0.1 * (high - low), low + 0.9 * (high - low)


def whole_numbers(name: str, spec: FieldSpec) -> tuple[int, int]:
    low = int(max(spec.minimum or 0, 3))
    return SIZES.get(name, (low, low + 40) if spec.maximum is None else (low, min(int(spec.maximum), low + 40)))


@st.composite
def values(draw: DrawFn, name: str, spec: FieldSpec) -> Any:
    """A constant or a distribution of one hyperparameter, inside of its range."""
    if spec.maximum_from == "freeze":
        layers = st.integers(0, 5)
        return draw(
            st.one_of(
                layers, st.fixed_dictionaries({"type": st.just("choice"), "values": st.lists(layers, min_size=1)})
            )
        )
    if spec.type == "number":
        low, high = sorted((draw(st.floats(*numbers(spec))), draw(st.floats(*numbers(spec)))))
        return draw(st.sampled_from([low, str(low), *_number_distributions(low, high)]))
    if spec.type == "integer":
        low, high = sorted(
            (draw(st.integers(*whole_numbers(name, spec))), draw(st.integers(*whole_numbers(name, spec))))
        )
        return draw(st.sampled_from([low, *_whole_distributions(low, high, draw(st.integers(1, 8)))]))
    if spec.type == "flag":
        words = st.sampled_from([True, False, 0, 1, "yes"])
    elif spec.type == "choice":
        words = st.sampled_from(list(spec.choices or ()))
    else:
        words = st.sampled_from(["3x2", "2x2"])
    return draw(
        st.one_of(words, st.fixed_dictionaries({"type": st.just("choice"), "values": st.lists(words, min_size=1)}))
    )


def _number_distributions(low: float, high: float) -> list[dict[str, Any]]:
    import math

    middle, width = (low + high) / 2, (high - low) / 12 + 1e-6
    return [
        {"type": "choice", "values": [low, high]},
        {"type": "uniform", "min_value": low, "max_value": high},
        {"type": "quniform", "min_value": low, "max_value": high, "q": low},
        {"type": "loguniform", "min_value": math.log(low), "max_value": math.log(high)},
        {"type": "normal", "mu": middle, "sigma": width / 10},
        {"type": "lognormal", "mu": math.log(middle), "sigma": 1e-3},
    ]


def _whole_distributions(low: int, high: int, step: int) -> list[dict[str, Any]]:
    import math

    return [
        {"type": "choice", "values": [low, high]},
        {"type": "quniform", "min_value": low, "max_value": high + step, "q": step},
        {"type": "qloguniform", "min_value": math.log(low), "max_value": math.log(high + step), "q": step},
        {"type": "loguniform", "min_value": math.log(low), "max_value": math.log(high + 1)},
    ]


@dataclass
class File:
    """A job file as lines: the keys of each line that may get a fault."""

    task: str
    models: list[str]
    lines: list[str] = field(default_factory=list)
    swept: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, value: object, indent: str = "") -> int:
        """Add a line, and return its number."""
        self.lines.append(f"{indent}{key}: {json.dumps(value)}")
        self.places[key] = len(self.lines)
        return len(self.lines)


@st.composite
def files(draw: DrawFn) -> File:
    """A valid job file with one group of models or two."""
    task = draw(st.sampled_from(TASK_NAMES))
    names = draw(st.lists(st.sampled_from(MODELS[task]), min_size=1, max_size=2, unique=True))
    file = File(task, names)
    file.add("type", "automl")
    file.add("task", task)
    file.add("target_column_name", "label")
    file.add("training_data", {"type": "mltable", "path": "./train"})
    file.lines.append("limits:")
    file.add("max_trials", draw(st.integers(1, 1000)), "  ")
    file.add("max_concurrent_trials", draw(st.integers(1, 100)), "  ")
    file.add("timeout_minutes", draw(st.integers(1, 100)), "  ")
    file.lines.append("sweep:")
    file.add("sampling_algorithm", "random", "  ")
    file.add("early_termination", draw(st.sampled_from(POLICIES)), "  ")
    file.lines.append("search_space:")
    for model in names:
        file.lines.append(f"  - model_name: {model}")
        taken = [name for name in schema(task, model).fields if name not in LEFT_OUT and not _is_odd(model, name)]
        for name in draw(st.lists(st.sampled_from(taken), max_size=5, unique=True)):
            file.swept[name] = file.add(name, draw(values(name, spec_of(task, model, name))), "    ")
    return file


def _is_odd(model: str, name: str) -> bool:
    return (model.startswith("vit") and name == "training_crop_size") or name in ("momentum", "nesterov")


@pytest.fixture(scope="module", autouse=True)
def _one_catalogue() -> Iterator[None]:
    """The registry is read once for all files, and each schema made once."""
    catalogue, made = Catalogue.read(), schema_of

    @cache
    def cached(name: str | None, task: str) -> Schema:
        return made(catalogue, catalogue.model(name) if name else None, task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalogue, "read", lambda: catalogue)
        for module in (models, model_context):
            patch.setattr(module, "schema_of", lambda _, card, task: cached(card.full_name if card else None, task))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    write_table(folder / "train")
    return folder


def read(place: Path, lines: list[str]) -> Job:
    path = place / "job.yml"
    path.write_text("\n".join(lines) + "\n")
    return read_job(path)


QUIET = settings(
    deadline=None,
    max_examples=25,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUIET
@given(file=files())
def test_a_valid_file_is_a_request_inside_of_every_range(place: Path, file: File) -> None:
    job = read(place, file.lines)
    assert job.kind == "sweep"
    for group in job.request.groups or ():
        for model in group.models:
            fields = schema(file.task, model).fields
            for name, drawn in group.parameters.items():
                for unit in (0.0, 1e-9, 0.2, 0.5, 0.77, 1.0):
                    value = drawn.value(unit)
                    assert value is None or fields[name].spec.parse(value) is not None, (name, value)
                    assert value is not None or name == "layers_to_freeze"


# Faults of one hyperparameter of the space, each of which no hyperparameter may have.
OF_A_VALUE: Mapping[str, Any] = {
    "nothing to choose": {"type": "choice", "values": []},
    "null": {"type": "choice", "values": [None]},
    "no type": {"min_value": 1, "max_value": 2},
    "misspelt": {"type": "unifrm", "min_value": 1, "max_value": 2},
    "a list": [1, 2],
    "a strange key": {"type": "choice", "values": [1], "weights": [1]},
    "crossed": {"type": "quniform", "min_value": 9, "max_value": 1, "q": 1},
    "nowhere near": {"type": "quniform", "min_value": -9e9, "max_value": -8e9, "q": 1},
    "endless": {"type": "qloguniform", "min_value": 5000, "max_value": 6000, "q": 1},
    "an expression": "uniform(1, 2)",
    "a tiny step": {"type": "quniform", "min_value": 0.1, "max_value": 1e308, "q": 5e-324},
    "no value": None,
}
# Faults of other lines.
OF_A_LINE: Mapping[str, list[Any]] = {
    "type": ["command", 3, None, []],
    "task": ["text_ner", 7, None],
    "target_column_name": ["fruit", None],
    "training_data": [
        "./train",
        {"path": "./gone"},
        {"type": "uri_folder", "path": "./train"},
        {"path": "azureml:a:1"},
        None,
    ],
    "max_trials": [0, 1001, 1.5, "many", True, [], 10**400],
    "max_concurrent_trials": [0, 101, "x"],
    "timeout_minutes": [0, -1, "soon", {"a": 1}],
    "sampling_algorithm": ["hyperband", 3, {"type": "random", "rule": "z"}, {"seed": 1}, []],
    "early_termination": [
        None,
        "bandit",
        {"type": "bandit"},
        {"type": "bandit", "slack_factor": -1},
        {"type": "bandit", "slack_factor": 0.1, "slack_amount": 0.1},
        {"type": "truncation_selection", "truncation_percentage": 100},
        {"type": "median_stopping", "delay_evaluation": -2},
        {"type": "median_stopping", "evaluation_intervall": 2},
    ],
}


@st.composite
def faulty_files(draw: DrawFn) -> tuple[File, int]:
    """A file with one fault, and the number of its line."""
    file = draw(files().filter(lambda file: bool(file.swept)))
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(file.swept)))
        line, value = file.swept[name], OF_A_VALUE[draw(st.sampled_from(sorted(OF_A_VALUE)))]
    else:
        name = draw(st.sampled_from(sorted(OF_A_LINE)))
        line, value = file.places[name], draw(st.sampled_from(OF_A_LINE[name]))
    misspelt = draw(st.integers(0, 9)) == 0
    key = f"{name}_x" if misspelt and name not in ("type", "task") else name
    indent = file.lines[line - 1].partition(name)[0]
    file.lines[line - 1] = f"{indent}{key}: {json.dumps(value)}"
    return file, line


@QUIET
@given(faulty=faulty_files())
def test_one_fault_is_named_with_its_own_line(place: Path, faulty: tuple[File, int]) -> None:
    file, line = faulty
    with pytest.raises(HyperparameterError) as caught:
        read(place, file.lines)
    assert f"job.yml:{line}: " in str(caught.value)
    faults = {problem.field.partition(": ")[0] for problem in caught.value.problems}
    parents = {f"{place / 'job.yml'}:{number}" for number in (1, 9)}  # what is misspelt is missing there, too
    assert faults <= parents | {f"{place / 'job.yml'}:{line}"}, str(caught.value)


SCRAPS: SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "x", "choice", "random", "0"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["type", "values", "path", "min_value", "q", "sigma", "x"]), inner, max_size=4),
    ),
    max_leaves=6,
)


@QUIET
@given(
    scraps=st.dictionaries(
        st.sampled_from(
            [
                *("limits", "sweep", "search_space", "training_parameters", "outputs", "tags", "name", "properties"),
                *("validation_data", "test_data", "primary_metric", "validation_data_size"),
            ]
        ),
        SCRAPS,
    )
)
def test_whatever_stands_there_is_read_or_refused(place: Path, scraps: dict[str, Any]) -> None:
    head = {"type": "automl", "task": "image_classification", "target_column_name": "label"}
    data = {"training_data": {"path": "./train"}}
    lines = [f"{key}: {json.dumps(value)}" for key, value in (head | data | scraps).items()]
    try:
        read(place, lines)
    except HyperparameterError as error:
        problems = error.problems
        assert all("job.yml" in problem.field for problem in problems)
