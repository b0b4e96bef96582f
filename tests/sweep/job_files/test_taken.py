"""What is taken, and as what: unusual ways of writing that the product knows, too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.job import Job
from vistry.sweep.request import SamplerRequest, TerminationRequest

from tests.sweep.job_files.conftest import Read, write_table
from tests.sweep.job_files.test_refused import DETECTION, MULTICLASS, MULTILABEL, POLICY, SPACE, SWEEP


def choice(*values: Any) -> Distribution:
    return Distribution(kind="choice", choices=values)


def drawn(job: Job, name: str, group: int = 0) -> Distribution:
    return (job.request.groups or ())[group].parameters[name]


def said(job: Job) -> str:
    return "\n".join(job.lines)


VALUES = {
    "a number in quotes": ("learning_rate: '0.01'", choice(0.01)),
    "an exponent": ("learning_rate: 1e-3", choice(0.001)),
    "a float of a whole number": ("number_of_epochs: 15.0", choice(15)),
    "yes": ("nesterov: yes", choice(True)),
    "one": ("nesterov: 1", choice(True)),
    "flags in a choice": ("nesterov: {type: choice, values: [true, 0]}", choice(True, False)),
    "any case": ("learning_rate_scheduler: WarmupCosine", choice("warmup_cosine")),
    "a choice in any case": ("optimizer: {type: Choice, values: [SGD, AdamW]}", choice("sgd", "adamw")),
    "once is enough": ("number_of_epochs: {type: choice, values: [10, 10, 20]}", choice(10, 20)),
    "no layers": ("layers_to_freeze: 0", choice(None)),
    "some layers": ("layers_to_freeze: {type: choice, values: [0, 2]}", choice(None, 2)),
    "layers by randint": ("layers_to_freeze: {type: randint, upper: 4}", choice(None, 1, 2, 3)),
    "losses by randint": (
        "weighted_loss: {type: randint, upper: 3}",
        Distribution(kind="uniform", low=0, high=2, step=1, is_integer=True),
    ),
    "a uniform rate": (
        "learning_rate: {type: uniform, min_value: 0.001, max_value: '0.01'}",
        Distribution(kind="uniform", low=0.001, high=0.01),
    ),
    "a constant as a range": (
        "learning_rate: {type: uniform, min_value: 0.01, max_value: 0.01}",
        Distribution(kind="uniform", low=0.01, high=0.01),
    ),
    "a step of a rate": (
        "learning_rate: {type: quniform, min_value: 0.01, max_value: 0.05, q: 0.02}",
        Distribution(kind="uniform", low=0.01, high=0.05, step=0.02),
    ),
    "whole numbers by logarithms": (
        "training_batch_size: {type: qloguniform, min_value: 2, max_value: 4, q: 4}",
        Distribution(kind="loguniform", low=math.exp(2), high=math.exp(4), step=4, is_integer=True),
    ),
    "a normal rate": (
        "learning_rate: {type: normal, mu: 0.01, sigma: 0.001}",
        Distribution(kind="normal", mean=0.01, deviation=0.001),
    ),
    "a lognormal rate": (
        "learning_rate: {type: lognormal, mu: -6, sigma: 0.5}",
        Distribution(kind="lognormal", mean=-6, deviation=0.5),
    ),
    "a size of its own": ("training_crop_size: 192", choice(192)),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value(read: Read, name: str) -> None:
    line, expected = VALUES[name]
    job = read(SPACE + f"    {line}\n")
    assert drawn(job, line.partition(":")[0]) == expected
    (group,) = job.request.groups or ()
    assert group.where[line.partition(":")[0]].endswith("job.yml:9")


def test_logarithms_of_another_base(read: Read) -> None:
    sampler = "sweep:\n  sampling_algorithm: {type: random, seed: 7, rule: sobol, logbase: 10}\n"
    job = read(MULTICLASS + "limits: {max_trials: 4}\n" + sampler + "search_space:\n"
               "  - learning_rate: {type: loguniform, min_value: -3, max_value: -1}\n"
               "    weight_decay: {type: lognormal, mu: -4, sigma: 0.5}\n")  # fmt: skip
    rate, decay = drawn(job, "learning_rate"), drawn(job, "weight_decay")
    assert (rate.low, rate.high) == (pytest.approx(0.001), pytest.approx(0.1))
    assert decay.value(0.5) == pytest.approx(1e-4)
    assert job.request.sampler == SamplerRequest(name="sobol", seed=7)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "    type: Bandit\n    slack_amount: 0.1\n    slack_factor: 0\n    evaluation_interval: 0\n",
            TerminationRequest(name="bandit", slack_amount=0.1),
        ),
        ("    type: MedianStopping\n", TerminationRequest(name="median_stopping")),
        (
            "    type: truncation_selection\n    truncation_percentage: 20\n    exclude_finished_jobs: false\n",
            TerminationRequest(name="truncation_selection", truncation_percentage=20),
        ),
    ],
)
def test_a_policy(read: Read, lines: str, expected: TerminationRequest) -> None:
    assert read(POLICY + lines).request.termination == expected


@pytest.mark.parametrize("word", ["AUC_weighted", "auc_weighted", "AUCWeighted", "AucWeighted"])
def test_a_metric_in_any_spelling(read: Read, word: str) -> None:
    assert read(MULTICLASS + f"primary_metric: {word}\n").request.training.primary_metric == "AUC_weighted"


def test_a_task_in_camels(read: Read) -> None:
    job = read(MULTICLASS.replace("image_classification", "ImageClassificationMultilabel"))
    assert job.request.training.task == "image_classification_multilabel"


def test_sizes_that_a_model_does_not_take_are_left_out_once(read: Read) -> None:
    """The product's own example for several labels: it overrides these sizes, and so trains the same models."""
    job = read(
        MULTILABEL + SWEEP + "search_space:\n"
        "  - model_name: vitb16r224\n    gradient_accumulation_step: {type: choice, values: [1, 2]}\n"
        "  - model_name: seresnext\n    validation_resize_size: {type: choice, values: [288, 320, 352]}\n"
        "    validation_crop_size: {type: choice, values: [224, 256]}\n"
        "    training_crop_size: {type: choice, values: [224, 256]}\n"
    )
    assert drawn(job, "validation_resize_size", 1) == choice(256)
    assert drawn(job, "validation_crop_size", 1) == drawn(job, "training_crop_size", 1) == choice(224)
    assert ":13: search_space[1].training_crop_size: seresnext takes 224 only; 256 left out" in said(job)
    assert said(job).count("training_crop_size") == 1


def test_one_group_is_two_where_its_models_take_other_sizes(read: Read) -> None:
    job = read(
        MULTICLASS + SWEEP + "search_space:\n  - model_name: {type: choice, values: [resnet18, seresnext, resnet34]}\n"
        "    training_crop_size: {type: choice, values: [192, 224]}\n"
    )
    groups = job.request.groups or ()
    assert [group.models for group in groups] == [("resnet/resnet18", "resnet/resnet34"), ("seresnext/seresnext",)]
    assert [group.parameters["training_crop_size"] for group in groups] == [choice(192, 224), choice(224)]


def test_a_size_for_all_that_one_model_does_not_take(read: Read) -> None:
    job = read(
        MULTICLASS + "limits: {max_trials: 4}\ntraining_parameters:\n  training_crop_size: 192\nsearch_space:\n"
        "  - model_name: {type: choice, values: [resnet18, seresnext]}\n"
    )
    groups = job.request.groups or ()
    assert [group.parameters["training_crop_size"] for group in groups] == [choice(192), choice(224)]
    assert "training_crop_size" not in job.request.fixed[0].values
    training = read(MULTICLASS + "training_parameters:\n  model_name: seresnext\n  training_crop_size: 192\n")
    assert training.request.fixed[0].values["training_crop_size"] == 224
    assert "seresnext takes 224 only; 192 left out" in said(training)


def test_sizes_that_do_not_go_together_are_left_out(read: Read) -> None:
    """A transformer has one size, which is the product's for validation."""
    sizes = "{type: choice, values: [192, 224]}"
    job = read(
        MULTICLASS + SWEEP + "search_space:\n  - model_name: vitb16r224\n"
        f"    training_crop_size: {sizes}\n    validation_crop_size: {sizes}\n"
    )
    pairs = [
        (group.parameters["training_crop_size"].choices, group.parameters["validation_crop_size"].choices)
        for group in job.request.groups or ()
    ]
    assert pairs == [((192,), (192,)), ((224,), (224,))]
    assert "sizes of vitb16r224 that don't go together are left out" in said(job)


def test_what_only_some_draws_break_is_said(read: Read) -> None:
    job = read(
        SPACE + "    momentum: {type: choice, values: [0, 0.9]}\n    optimizer: {type: choice, values: [sgd, adam]}\n"
    )
    assert "a trial of resnet18 with" in said(job)
    assert "breaks a rule, and is skipped: nesterov: needs a momentum above 0" in said(job)


def test_models_and_nothing_else_are_trained_as_they_are(read: Read) -> None:
    job = read(MULTICLASS + SWEEP + "search_space:\n  - model_name: {type: choice, values: [resnet18, resnet34]}\n")
    (group,) = job.request.groups or ()
    assert group.models == ("resnet/resnet18", "resnet/resnet34")
    # Not the default space, which a group without any hyperparameter stands for.
    assert dict(group.parameters) == {"early_stopping": choice(True)}


def test_early_stopping_is_on_as_in_the_product(read: Read) -> None:
    assert drawn(read(SPACE), "early_stopping") == choice(True)
    off = read(MULTICLASS + "training_parameters: {early_stopping: 0}\nsearch_space:\n  - momentum: 0.9\n")
    assert off.request.fixed[0].values["early_stopping"] is False
    assert "early_stopping" not in (off.request.groups or ())[0].parameters


def test_a_space_without_a_sampler_is_drawn_at_random(read: Read) -> None:
    job = read(
        MULTICLASS + "limits: {max_trials: 4}\nsearch_space:\n  - momentum: {type: choice, values: [0.5, 0.9]}\n"
    )
    assert (job.kind, job.request.sampler.name, job.request.termination.name) == ("sweep", "random", "none")
    assert (job.request.groups or ())[0].models == ("seresnext/seresnext",)


def test_a_sampler_without_a_space_searches_the_default_one(read: Read) -> None:
    job = read(MULTICLASS + "limits: {max_trials: 4}\nsweep: {sampling_algorithm: Bayesian}\n")
    assert (job.kind, job.request.groups, job.request.sampler.name) == ("sweep", None, "bayesian")


def test_one_trial_of_a_space_is_one_random_draw(read: Read) -> None:
    text = SPACE.replace("max_trials: 4", "max_trials: 1").replace("random", "grid") + "    momentum: 0.9\n"
    job = read(text)
    assert (job.kind, job.request.limits.max_trials, job.request.sampler.name) == ("sweep", 1, "random")
    assert "one trial is one random draw of it" in said(job)


def test_no_limits_are_one_training_of_the_task_s_own_model(read: Read) -> None:
    job = read(MULTICLASS)
    assert (job.kind, job.request.limits.max_trials) == ("training", 1)
    assert job.request.training.model == "seresnext/seresnext"


def test_the_automatic_mode_of_one_model(read: Read) -> None:
    job = read(MULTICLASS + "limits: {max_trials: 3}\ntraining_parameters: {model_name: resnet18, weighted_loss: 1}\n")
    assert (job.kind, job.request.groups) == ("automatic", None)
    assert job.request.training.model == "resnet/resnet18"
    assert dict(job.request.fixed[0].values) == {"weighted_loss": 1}


def test_a_grid_larger_than_its_trials(read: Read) -> None:
    epochs = (
        "    number_of_epochs: {type: choice, values: [5, 10, 15]}\n    momentum: {type: choice, values: [0.5, 0.9]}\n"
    )
    assert "the grid has 6 points; 4 trials: 2 left out" in said(read(SPACE.replace("random", "grid") + epochs))


def test_more_at_once_than_there_are_trials(read: Read) -> None:
    job = read(MULTICLASS + "limits:\n  max_trials: 3\n  max_concurrent_trials: 8\n")
    assert job.request.limits.max_concurrent_trials == 3
    assert ":7: limits.max_concurrent_trials: 8 at once are more than there are trials; 3 is taken" in said(job)


def test_what_has_no_meaning_here_is_one_line(read: Read) -> None:
    job = read(
        MULTICLASS + "compute: azureml:gpu\nidentity: {type: managed}\nqueue_settings: {job_tier: spot}\nid: x\n"
        "status: done\nproperties: {node_count_per_trial: 1}\nlog_verbosity: info\n"
    )
    (line,) = job.lines
    assert line.endswith("job.yml: ignored: compute, identity, queue_settings, properties, log_verbosity")


def test_switches_of_the_product_are_said_to_have_no_effect(read: Read) -> None:
    job = read(
        DETECTION + "training_parameters:\n  log_training_metrics: Enable\n  log_validation_loss: Disable\n"
        "  enable_onnx_normalization: true\n  advanced_settings: '{}'\n  random_seed: 3\n"
    )
    assert [line.partition(": ")[0].rpartition(":")[2] for line in job.lines] == ["6", "7", "8", "9"]
    assert dict(job.request.fixed[0].values) == {"random_seed": 3}


def test_data_on_the_command_line_goes_before_the_file_s(read: Read, folder: Path) -> None:
    other = write_table(folder / "other")
    remote = MULTICLASS.replace("./train", "'azureml:cats:3'")
    for names in ({"train": "other"}, {"azureml:cats:3": "other"}, {"azureml:cats": "other"}, {"cats:3": "other"}):
        assert read(remote, **names).request.training.data == other
    assert read(MULTICLASS, training="other", valid="valid").request.training.validation == folder / "valid"


def test_data_to_measure_on_at_the_end(read: Read, folder: Path) -> None:
    job = read(MULTICLASS + "test_data: {type: mltable, path: ./valid}\n")
    assert job.test == folder / "valid"
    assert "the product ignores it for images" in said(job)
    assert "has no effect, nor has it in the product" in said(read(MULTICLASS + "test_data_size: 0.1\n"))


def test_a_share_beside_validation_data_has_no_effect(read: Read) -> None:
    job = read(MULTICLASS + "validation_data: {type: mltable, path: ./valid}\nvalidation_data_size: 0.3\n")
    assert job.request.training.validation_size is None
    assert ":6: validation_data_size: has no effect beside validation_data" in said(job)


def test_a_file_of_lines_or_a_folder_of_images_is_data_too(read: Read, folder: Path) -> None:
    job = read(MULTICLASS.replace("./train", "train/annotations.jsonl"))
    assert job.request.training.data == folder / "train" / "annotations.jsonl"


def test_an_empty_folder_gets_the_best_run(read: Read, folder: Path) -> None:
    (folder / "out").mkdir()
    job = read(MULTICLASS + "outputs:\n  best_model: {type: mlflow_model, path: ./out}\n")
    assert job.request.best_to == str(folder / "out")
    assert "has no path" in said(read(MULTICLASS + "outputs:\n  best_model: {type: mlflow_model}\n"))
