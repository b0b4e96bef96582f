"""A file for `vistry sweep --config`: the sections of a job file in YAML or TOML, and options over them."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.errors import HyperparameterError
from vistry.registry.catalogue import Catalogue
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.settings import Settings, read_settings, read_task
from vistry.sweep.request import Limits, SamplerRequest, TerminationRequest

TASK = "image_classification"
YAML = """task: image_classification
primary_metric: AUC_weighted
limits: {max_trials: 12, timeout_minutes: 30}
training_parameters:
  number_of_epochs: 9
  layers_to_freeze: 2
sweep:
  sampling_algorithm: sobol
  early_termination: {type: bandit, slack_factor: 0.2, evaluation_interval: 2}
search_space:
  - model_name: resnet18
    learning_rate: {type: uniform, min_value: 0.001, max_value: 0.01}
  - model_name: mobilenetv2
    optimizer: {type: choice, values: [sgd, adamw]}
"""
TOML = """task = "image_classification"
primary_metric = "AUC_weighted"
limits = { max_trials = 12, timeout_minutes = 30 }

[training_parameters]
number_of_epochs = 9
layers_to_freeze = 2

[sweep]
sampling_algorithm = "sobol"
early_termination = { type = "bandit", slack_factor = 0.2, evaluation_interval = 2 }

[[search_space]]
model_name = "resnet18"
learning_rate = { type = "uniform", min_value = 0.001, max_value = 0.01 }

[[search_space]]
model_name = "mobilenetv2"
optimizer = { type = "choice", values = ["sgd", "adamw"] }
"""
RATE = Distribution(kind="uniform", low=0.001, high=0.01)


def written(folder: Path, text: str, name: str = "sweep.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def under(settings: Settings, models: tuple[str, ...] = (), **flags: str) -> Settings:
    return settings.with_flags(flags, models, catalogue=Catalogue.read(), task=TASK)


@pytest.mark.parametrize(("name", "text"), [("sweep.yaml", YAML), ("sweep.toml", TOML)])
def test_both_formats_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, text, name)
    settings = read_settings(path, TASK)
    assert read_task(path) == TASK
    assert settings.primary_metric == "AUC_weighted"
    assert settings.limits == Limits(max_trials=12, time_limit=1800)
    assert settings.sampler == SamplerRequest(name="sobol")
    assert settings.termination == TerminationRequest(name="bandit", slack_factor=0.2, evaluation_interval=2)
    assert [(group.models, dict(group.parameters)) for group in settings.groups or ()] == [
        (("resnet/resnet18",), {"learning_rate": RATE}),
        (("mobilenetv2/mobilenetv2",), {"optimizer": Distribution(kind="choice", choices=("sgd", "adamw"))}),
    ]
    [fixed] = settings.fixed
    assert fixed.values == {"number_of_epochs": 9, "layers_to_freeze": 2}
    line = 1 + text.splitlines().index(next(one for one in text.splitlines() if "number_of_epochs" in one))
    assert fixed.where("number_of_epochs") == f"{path}:{line}"


def test_what_a_file_leaves_out_is_as_without_one(tmp_path: Path) -> None:
    empty = read_settings(written(tmp_path, "training_parameters: {number_of_epochs: 4}\n"), TASK)
    assert empty.groups is None
    assert (empty.sampler, empty.termination, empty.limits) == (SamplerRequest(), TerminationRequest(), Limits())
    only = read_settings(written(tmp_path, "sweep: {early_termination: {type: none}}\n"), TASK)
    assert (only.sampler, only.termination.name) == (SamplerRequest(), "none")


def test_options_go_over_the_file(tmp_path: Path) -> None:
    settings = under(read_settings(written(tmp_path, YAML), TASK), learning_rate="0.05", number_of_epochs="4,8")
    epochs = Distribution(kind="choice", choices=("4", "8"))  # which the space reads
    drawn = [dict(group.parameters) for group in settings.groups or ()]
    assert drawn[0] == {"number_of_epochs": epochs}
    assert drawn[1] == {"optimizer": Distribution(kind="choice", choices=("sgd", "adamw")), "number_of_epochs": epochs}
    assert [dict(source.values) for source in settings.fixed][-1] == {"learning_rate": "0.05"}
    searched = under(read_settings(written(tmp_path, YAML), TASK), learning_rate="0.002,0.004").groups or ()
    assert searched[0].parameters["learning_rate"] == Distribution(kind="choice", choices=("0.002", "0.004"))


@pytest.mark.parametrize("name", ["sweep.yaml", "sweep.toml"])
def test_each_fault_has_its_line(tmp_path: Path, name: str) -> None:
    texts = {
        "sweep.yaml": "limits:\n  max_trials: 0\nsweep: {sampling_algorithm: tpe}\ncompute: cluster\n",
        "sweep.toml": 'compute = "cluster"\n[limits]\nmax_trials = 0\n[sweep]\nsampling_algorithm = "tpe"\n',
    }
    path = written(tmp_path, texts[name], name)
    with pytest.raises(HyperparameterError) as caught:
        read_settings(path, TASK)
    lines = {"sweep.yaml": (2, 3, 4), "sweep.toml": (3, 5, 1)}[name]
    for line, key in zip(lines, ("limits.max_trials", "sweep.sampling_algorithm", "compute"), strict=True):
        assert f"{path}:{line}: {key}" in str(caught.value)
    assert "auto, random, sobol, grid or bayesian" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("job.yml", "type: automl\ntask: image_classification\n", "vistry job run"),
        ("sweep.json", "{}", "use .yaml or .toml"),
        ("sweep.toml", "limits = {\n", "sweep.toml"),
        ("sweep.yaml", "task: image_regression\n", "there is no task"),
    ],
)
def test_what_is_no_such_file_is_said_in_a_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = written(tmp_path, text, name)
    with pytest.raises(HyperparameterError, match=sentence):
        read_task(path) and read_settings(path, TASK)


def test_a_key_that_is_misspelt_is_named(tmp_path: Path) -> None:
    with pytest.raises(HyperparameterError, match="did you mean 'sampling_algorithm'"):
        read_settings(written(tmp_path, "sweep: {sampling_algoritm: grid}\n"), TASK)


def test_models_are_named_in_one_place(tmp_path: Path) -> None:
    with pytest.raises(HyperparameterError, match="stands beside search_space"):
        under(read_settings(written(tmp_path, YAML), TASK), ("resnet18",))
