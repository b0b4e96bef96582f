"""Five whole job files, which the product's own client takes, and what each is here."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.errors import HyperparameterError
from vistry.registry.catalogue import Catalogue
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.job import Job, read_job
from vistry.sweep.request import Limits, SamplerRequest, TerminationRequest
from vistry.sweep.spaces import space_of

BOARDS = {"train": "train", "valid": "valid"}


def said(job: Job, words: str) -> bool:
    return any(words in line for line in job.lines)


def choice(*values: object) -> Distribution:
    return Distribution(kind="choice", choices=values)  # type: ignore[arg-type]


def test_two_groups_of_models(folder: Path) -> None:
    job = read_job(folder / "1-two-model-groups.yml")
    request = job.request
    assert job.kind == "sweep"
    assert job.name == "lemons-1"
    assert request.training.data == folder / "train"
    assert request.training.validation == folder / "valid"
    assert request.training.task == "image_classification"
    assert request.training.primary_metric == "accuracy"
    assert request.sampler == SamplerRequest(name="random")
    assert request.limits == Limits(max_trials=12, max_concurrent_trials=2, time_limit=5400)
    assert request.termination == TerminationRequest(
        name="bandit", slack_factor=0.15, evaluation_interval=2, delay_evaluation=4
    )
    first, second = request.groups or ()
    assert [group.models for group in (first, second)] == [
        ("vit/vits16r224", "vit/vitb16r224"),
        ("resnet/resnet18", "seresnext/seresnext"),
    ]
    assert first.parameters["learning_rate"] == Distribution(kind="uniform", low=0.002, high=0.02)
    assert first.parameters["number_of_epochs"] == choice(10, 20)
    rate = second.parameters["learning_rate"]
    assert (rate.kind, rate.low, rate.high) == (
        "loguniform",
        pytest.approx(9.1188e-4, rel=1e-4),
        pytest.approx(0.030197, rel=1e-4),
    )
    assert second.parameters["layers_to_freeze"] == choice(None, 1, 3)
    assert second.parameters["weighted_loss"] == choice(1)
    assert second.where["learning_rate"] == f"{folder / '1-two-model-groups.yml'}:39"
    (fixed,) = request.fixed
    assert dict(fixed.values) == {"early_stopping": True, "evaluation_frequency": 1}
    assert fixed.where("early_stopping").endswith(":25")
    assert request.best_to == str(folder / "best")
    assert request.notes["tags.team"] == "fruit"
    assert said(job, "ignored: compute, log_verbosity")
    assert said(job, "its range is 0.0009119 to 0.0302")
    assert said(job, "0 leaves it unset")
    assert said(job, f"the best run is copied to {folder / 'best'}")


def test_the_automatic_mode(folder: Path) -> None:
    job = read_job(folder / "2-automode.yml")
    assert job.kind == "automatic"
    assert job.request.groups is None
    assert job.request.sampler == SamplerRequest()
    assert job.request.termination == TerminationRequest()
    assert job.request.limits == Limits(max_trials=8, max_concurrent_trials=4)
    assert job.request.training.validation_size == 0.25
    assert job.request.training.primary_metric == "iou"


def test_one_model_is_one_training(folder: Path) -> None:
    job = read_job(folder / "3-one-model-defaults.yml")
    assert job.kind == "training"
    assert job.request.training.model == "fasterrcnn/fasterrcnn_resnet50_fpn"
    assert job.request.limits.time_limit == 240 * 60
    (fixed,) = job.request.fixed
    assert fixed.values["tile_grid_size"] == "3x2"
    assert fixed.values["early_stopping"] is False
    assert fixed.values["learning_rate"] == 0.0002
    assert "model_name" not in fixed.values
    assert said(job, ":29: training_parameters.distributed: has no effect yet: a training has one device")


def test_a_grid_with_median_stopping(folder: Path) -> None:
    job = read_job(folder / "4-grid-median.yml")
    (group,) = job.request.groups or ()
    assert group.models == ("maskrcnn/maskrcnn_resnet50_fpn",)
    assert group.parameters["min_size"] == choice(400, 600, 800)
    assert job.request.termination == TerminationRequest(name="median_stopping", delay_evaluation=3)
    assert said(job, "the grid has 12 points; all are tried")
    assert said(job, "validation_data.mode: has no effect")


def test_what_stops_the_fifth_before_any_work(folder: Path) -> None:
    with pytest.raises(HyperparameterError) as caught:
        read_job(folder / "5-bayesian-truncation.yml")
    path = folder / "5-bayesian-truncation.yml"
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:10: training_data.path: 'azureml:boards-train:3' is not on this machine; "
        "name the folder of this machine: --data train=PATH",
        f"{path}:11: validation_data.path: 'azureml:boards-valid@latest' is not on this machine; "
        "name the folder of this machine: --data validation=PATH",
        f"{path}:25: search_space[0].warmup_cosine_lr_warmup_epochs: draws from 0 to 3, and must be an integer of at "
        "least 1; write a choice of those that are meant",
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "valid"),
        ("training", "validation"),
        ("azureml:boards-train:3", "azureml:boards-valid@latest"),
        ("boards-train", "boards-valid"),
        ("training_data", "azureml:boards-valid"),
    ],
)
def test_the_fifth_runs_with_data_and_a_choice(folder: Path, names: tuple[str, str]) -> None:
    path = folder / "5-bayesian-truncation.yml"
    path.write_text(path.read_text().replace("{type: randint, upper: 4}", "{type: choice, values: [1, 2, 3]}"))
    job = read_job(path, dict(zip(names, (folder / "train", folder / "valid"), strict=True)))
    assert job.request.training.data == folder / "train"
    assert job.request.training.validation == folder / "valid"
    (group,) = job.request.groups or ()
    assert group.parameters["image_size"].grid() == (448, 512, 576, 640, 704, 768, 832)
    assert said(job, "draws 448 to 832, the multiples of 64 inside its range")
    assert group.parameters["multi_scale"] == choice(True, False)
    assert job.request.sampler.name == "bayesian"
    assert job.request.termination.truncation_percentage == 25
    assert said(job, "ignored: compute, resources, environment_variables")


@pytest.mark.parametrize("name", ["1-two-model-groups", "4-grid-median"])
def test_the_space_is_one_that_can_be_searched(folder: Path, name: str) -> None:
    request = read_job(folder / f"{name}.yml").request
    space = space_of(request, Catalogue.read(), request.training.task or "")
    assert [set(group.parameters) >= {"learning_rate"} for group in space.groups] == [True] * len(space.groups)
