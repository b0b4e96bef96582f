"""What is refused, each with the line that is at fault: a case is a job file whose line is marked with `#!`."""

from __future__ import annotations

import re

import pytest
from vistry.errors import HyperparameterError

from tests.sweep.job_files.conftest import Read

# The tops of files of four tasks, on one line each but for the last, so that what follows has lines of its own.
HEAD = """type: automl
task: {task}
target_column_name: label
training_data: {{type: mltable, path: ./train}}
"""
MULTICLASS = HEAD.format(task="image_classification")
MULTILABEL = HEAD.format(task="image_classification_multilabel")
DETECTION = HEAD.format(task="image_object_detection")
SEGMENTATION = HEAD.format(task="image_instance_segmentation")
SWEEP = "limits: {max_trials: 4}\nsweep: {sampling_algorithm: random}\n"
SPACE = MULTICLASS + SWEEP + "search_space:\n  - model_name: resnet18\n"
OF_YOLO = DETECTION + SWEEP + "search_space:\n  - model_name: yolov5\n"
POLICY = MULTICLASS + "limits: {max_trials: 4}\nsweep:\n  sampling_algorithm: random\n  early_termination:\n"

CASES = {
    # The file and its top
    "no job": ("- a\n- b\n", "a job file is a mapping"),
    "not yaml": ("type: automl\ntask: [\n", "not valid YAML"),
    "twice": ("type: automl\ntype: automl  #!\n", "'type' is set twice"),
    "another kind": ("type: command  #!\ncommand: python train.py\n", "must be automl, got 'command'; .* a script to"),
    "a sweep job": ("type: sweep  #!\n", "somebody's own script"),
    "no type": ("task: image_classification\n", "type is missing"),
    "a task of tables": (
        MULTICLASS.replace("image_classification\n", "classification  #!\n"),
        "no task 'classif.* did",
    ),
    "no task": ("type: automl\ntarget_column_name: label\n", "task is missing; write task:"),
    "unknown key": (MULTICLASS + "serach_space: []  #!\n", "is no key of a job file; did you mean 'search_space'"),
    "an old key": (MULTICLASS + "image_model: {model_name: resnet18}  #!\n", "stand under training_parameters now"),
    "limits in sweep": (MULTICLASS + "sweep:\n  sampling_algorithm: random\n  limits: {}  #!\n", "at the top of the"),
    "another label": (
        MULTICLASS.replace("name: label\n", "name: fruit  #!\n"),
        "must be label, got 'fruit'; the field",
    ),
    "no label": ("type: automl\ntask: image_classification\n", "target_column_name is missing"),
    "a strange name": (MULTICLASS + "name: a/b  #!\n", "'a/b' can't name a folder"),
    "tags in a list": (MULTICLASS + "tags: [a]  #!\n", "must be a mapping"),
    "a metric of others": (
        MULTICLASS + "primary_metric: iou  #!\n",
        "image_classification has no primary metric 'iou'; known: accuracy, AUC_weighted",
    ),
    "several machines": (MULTICLASS + "properties:\n  node_count_per_trial: 2  #!\n", "more than the one machine"),
    # Data
    "no data": ("type: automl\ntask: image_classification\ntarget_column_name: label\n", "training_data is missing"),
    "no path": (MULTICLASS.replace(", path: ./train}", "}  #!"), "path is missing; write training_data:"),
    "no such folder": (MULTICLASS.replace("./train}", "./gone}  #!"), "there is no file or folder .*gone"),
    "a folder of the cloud": (MULTICLASS.replace("mltable", "uri_folder").replace("}", "}  #!"), "must be mltable"),
    "a reference": (
        MULTICLASS.replace("./train}", "'azureml:cats:1'}  #!"),
        "not on this machine; .*--data train=PATH",
    ),
    "a store": (MULTICLASS.replace("./train}", "'azureml://datastores/a/paths/b'}  #!"), "not on this machine"),
    "the web": (MULTICLASS.replace("./train}", "'https://example.org/a'}  #!"), "not on this machine"),
    "a blob": (MULTICLASS.replace("./train}", "'wasbs://a@b/c'}  #!"), "not on this machine"),
    "a text": (MULTICLASS.replace("{type: mltable, path: ./train}", "./train  #!"), "must be a mapping, got './train'"),
    "validation in percent": (MULTICLASS + "validation_data_size: 20  #!\n", "between 0 and 1, got 20; write 0.2"),
    "all for validation": (MULTICLASS + "validation_data_size: 1  #!\n", "must be a share between 0 and 1, got 1"),
    # Limits
    "no trial": (MULTICLASS + "limits:\n  max_trials: 0  #!\n", "a whole number from 1 to 1000, got 0"),
    "too many trials": (MULTICLASS + "limits:\n  max_trials: 5000  #!\n", "from 1 to 1000, got 5000"),
    "half a trial": (MULTICLASS + "limits:\n  max_trials: 2.5  #!\n", "from 1 to 1000, got 2.5"),
    "too many at once": (MULTICLASS + "limits:\n  max_trials: 9\n  max_concurrent_trials: 101  #!\n", "from 1 to 100"),
    "no time": (MULTICLASS + "limits:\n  timeout_minutes: 0  #!\n", "above 0, got 0"),
    "an old limit": (MULTICLASS + "limits:\n  timeout: 60  #!\n", "write timeout_minutes"),
    "a trial's limit": (MULTICLASS + "limits:\n  trial_timeout_minutes: 60  #!\n", "the whole job has a limit"),
    # The sampler and the policy
    "no sampler": (MULTICLASS + "sweep: {}  #!\n", "sampling_algorithm is missing"),
    "another sampler": (
        MULTICLASS + "sweep:\n  sampling_algorithm: hyperband  #!\n",
        "random, grid or bayesian, got 'h",
    ),
    "another rule": (
        MULTICLASS + "sweep:\n  sampling_algorithm: {type: random, rule: x}  #!\n",
        "random or sobol, got",
    ),
    "null policy": (MULTICLASS + "sweep:\n  sampling_algorithm: random\n  early_termination: null  #!\n", "got null"),
    "another policy": (
        POLICY + "    type: asha  #!\n",
        "must be bandit, median_stopping or truncation_selection, got 'a",
    ),
    "two slacks": (
        POLICY + "    type: bandit\n    slack_factor: 0.1\n    slack_amount: 0.1  #!\n",
        "stands beside slack_factor, and one of them decides; leave one",
    ),
    "no slack": (POLICY.replace("termination:\n", "termination:  #!\n") + "    type: bandit\n", "only the best trial"),
    "a slack of 0": (POLICY + "    type: bandit\n    slack_factor: 0  #!\n", "only the best trial would go on"),
    "a negative slack": (POLICY + "    type: bandit\n    slack_amount: -0.1  #!\n", "must be above 0, got -0.1"),
    "a negative delay": (POLICY + "    type: median_stopping\n    delay_evaluation: -1  #!\n", "at least 0, got -1"),
    "a slack of another": (
        POLICY + "    type: median_stopping\n    slack_factor: 0.1  #!\n",
        "is no key of a job file",
    ),
    "none of them": (
        POLICY + "    type: truncation_selection\n    truncation_percentage: 0  #!\n",
        "from 1 to 99, got 0",
    ),
    "all of them": (
        POLICY + "    type: truncation_selection\n    truncation_percentage: 100  #!\n",
        "1 to 99, got 100",
    ),
    "a part": (POLICY + "    type: truncation_selection\n    truncation_percentage: 12.5  #!\n", "1 to 99, got 12.5"),
    "no percentage": (
        POLICY.replace("termination:\n", "termination:  #!\n") + "    type: truncation_selection\n",
        "truncation_percentage is missing",
    ),
    "bayesian, two groups": (
        MULTICLASS + "limits: {max_trials: 4}\nsweep: {sampling_algorithm: bayesian}\nsearch_space:\n"
        "  - model_name: resnet18\n  - model_name: seresnext  #!\n",
        "bayesian has one group",
    ),
    "a grid without end": (
        MULTICLASS + "limits: {max_trials: 4}\nsweep: {sampling_algorithm: grid}\nsearch_space:\n"
        "  - learning_rate: {type: uniform, min_value: 0.001, max_value: 0.1}  #!\n",
        "has no single values, and a grid is of those; write a choice",
    ),
    # The space
    "a table": (MULTICLASS + "search_space: {model_name: resnet18}  #!\n", "must be a list of groups, got a mapping"),
    "an empty space": (MULTICLASS + "search_space: []  #!\n", "must be a list of groups"),
    "a word in the space": (MULTICLASS + "search_space:\n  - resnet18  #!\n", "must be a mapping of hyperparameters"),
    "no such model": (
        MULTICLASS + "search_space:\n  - model_name: resnet19  #!\n",
        "'resnet19'.*did you mean 'resnet18'",
    ),
    "a model of another task": (MULTICLASS + "search_space:\n  - model_name: yolov5  #!\n", "is no model for image_cl"),
    "models in a list": (MULTICLASS + "search_space:\n  - model_name: [resnet18]  #!\n", "must be the name of a model"),
    "models in a range": (
        MULTICLASS + "search_space:\n  - model_name: {type: uniform, min_value: 1, max_value: 2}  #!\n",
        "models are chosen by name",
    ),
    "no such hyperparameter": (
        SPACE + "    lr: 0.1  #!\n",
        "resnet18 has no such hyperparameter; did you mean 'learning",
    ),
    "one of another task": (SPACE + "    min_size: 300  #!\n", "resnet18 doesn't take it; it is for image_object"),
    "fixed and swept": (
        MULTICLASS + "training_parameters: {learning_rate: 0.1}\nsearch_space:\n  - learning_rate: 0.2  #!\n",
        r"is fixed, too: training_parameters.learning_rate \(.*job.yml:5\)",
    ),
    "the model fixed and swept": (
        MULTICLASS + "training_parameters: {model_name: resnet18}\nsearch_space:\n  - model_name: seresnext  #!\n",
        "is fixed, too",
    ),
    "checkpoints in a space": (
        SPACE + "    checkpoint_frequency: 2  #!\n",
        "is one for all trials; write it under train",
    ),
    "a checkpoint in a space": (SPACE + "    checkpoint_run_id: x  #!\n", "is one for all trials"),
    "augmentations": (SPACE + "    augmentations: x  #!\n", "the product refuses it, too"),
    # Distributions
    "crossed": (
        SPACE + "    learning_rate: {type: uniform, min_value: 0.1, max_value: 0.01}  #!\n",
        r"min_value is 0.1, above max_value, 0.01; exchange",
    ),
    "out of range": (
        SPACE + "    learning_rate: {type: uniform, min_value: 1, max_value: 10}  #!\n",
        r"draws from 1 to 10, and must be a number in \[0, 1\]",
    ),
    "a choice out of range": (
        SPACE + "    learning_rate: {type: choice, values: [0.1, 2]}  #!\n",
        r"values\[1\]: 2 must be a number in \[0, 1\]",
    ),
    "a choice of nothing": (SPACE + "    optimizer: {type: choice, values: []}  #!\n", "a list of at least one value"),
    "a choice of one text": (
        SPACE + "    optimizer: {type: choice, values: sgd}  #!\n",
        "a list of at least one value",
    ),
    "a misspelt choice": (SPACE + "    optimizer: {type: choice, values: [adamx]}  #!\n", "did you mean 'adam"),
    "null in a choice": (
        SPACE + "    layers_to_freeze: {type: choice, values: [null, 1]}  #!\n",
        "is null, and must be",
    ),
    "quoted whole numbers": (
        SPACE + "    number_of_epochs: {type: choice, values: ['10', 20]}  #!\n",
        "'10' is text, and must be an integer of at least 1; write it without quotes",
    ),
    "whole numbers in a range": (
        SPACE + "    number_of_epochs: {type: uniform, min_value: 5, max_value: 15}  #!\n",
        "uniform draws fractions, .*write quniform with q: 1, randint or choice",
    ),
    "randint from somewhere": (
        SPACE + "    number_of_epochs: {type: randint, lower: 5, upper: 9}  #!\n",
        "randint begins at 0; for another beginning write quniform",
    ),
    "randint from 0": (
        SPACE + "    number_of_epochs: {type: randint, upper: 9}  #!\n",
        "draws from 0 to 8, and must be",
    ),
    "no upper": (
        SPACE + "    number_of_epochs: {type: randint}  #!\n",
        "randint needs upper; write {type: randint, upp",
    ),
    "no multiple": (
        SPACE + "    training_batch_size: {type: quniform, min_value: 9, max_value: 15, q: 16}  #!\n",
        "no multiple of 16 lies between 9 and 15",
    ),
    "a fraction as step": (
        SPACE + "    training_batch_size: {type: quniform, min_value: 8, max_value: 16, q: 0.5}  #!\n",
        "q: must be a whole number of at least 1, got 0.5",
    ),
    "a range of words": (
        SPACE + "    optimizer: {type: randint, upper: 3}  #!\n",
        "draws numbers, and this must be sgd",
    ),
    "a range of flags": (
        SPACE + "    nesterov: {type: randint, upper: 2}  #!\n",
        "draws numbers, and this must be 0 or 1",
    ),
    "rates for logarithms": (
        SPACE + "    learning_rate: {type: loguniform, min_value: 0.001, max_value: 0.1}  #!\n",
        "would draw from 1.001 to 1.105, .*write the logarithms: min_value: -6.9078, max_value: -2.3026",
    ),
    "batches for logarithms": (
        SPACE + "    training_batch_size: {type: qloguniform, min_value: 800, max_value: 1280, q: 8}  #!\n",
        "write the logarithms: min_value: 6.6846, max_value: 7.1546",
    ),
    "a long tail": (
        SPACE + "    learning_rate: {type: normal, mu: 0.01, sigma: 0.01}  #!\n",
        r"draws from -0.03753 to 0.05753 \(all but two of a million\), and must be a number in \[0, 1\]",
    ),
    "no width": (
        SPACE + "    learning_rate: {type: normal, mu: 0.01, sigma: 0}  #!\n",
        "sigma: must be above 0, got 0",
    ),
    "far too large": (SPACE + "    learning_rate: {type: lognormal, mu: 900, sigma: 1}  #!\n", "that are too large"),
    "another distribution": (
        SPACE + "    learning_rate: {type: unifrom, min_value: 0}  #!\n",
        "did you mean 'uniform'",
    ),
    "no distribution": (
        SPACE + "    learning_rate: {min_value: 0, max_value: 1}  #!\n",
        "must be a distribution, got no",
    ),
    "a strange key": (
        SPACE + "    learning_rate: {type: uniform, min: 0.1, max_value: 1}  #!\n",
        "min: is no key .*; write min_value",
    ),
    "an expression": (
        SPACE + "    learning_rate: uniform(0.001, 0.01)  #!\n",
        r"an early version wrote distributions; write {type: uniform, min_value: 0.001, max_value: 0.01}",
    ),
    "a list": (SPACE + "    learning_rate: [0.1, 0.2]  #!\n", "is a list; write {type: choice, values"),
    "not a number": (
        SPACE + "    learning_rate: {type: uniform, min_value: .nan, max_value: 1}  #!\n",
        "must be a number",
    ),
    "no number": (SPACE + "    learning_rate: fast  #!\n", r"'fast' must be a number in \[0, 1\]"),
    "layers that there aren't": (
        SPACE + "    layers_to_freeze: {type: choice, values: [1, 6]}  #!\n",
        r"resnet18 doesn't take 6: it must be .*5\]",
    ),
    "a restricted number": (
        MULTICLASS + "search_space:\n  - model_name: resnest50\n    training_batch_size: 2  #!\n",
        "resnest50 doesn't take 2: it must be an integer of at least 3",
    ),
    "tiles for masks": (
        SEGMENTATION + "search_space:\n  - tile_grid_size: 3x2  #!\n",
        "maskrcnn_resnet50_fpn doesn't take it",
    ),
    "a size of another family": (OF_YOLO + "    min_size: 600  #!\n", "yolov5 doesn't take it"),
    "one tile": (DETECTION + "training_parameters:\n  tile_grid_size: 1x1  #!\n", "'1x1' must be a grid"),
    # Values for all trials
    "a distribution for all": (
        MULTICLASS + "training_parameters:\n  learning_rate: {type: uniform, min_value: 0, max_value: 1}  #!\n",
        "is a mapping, and must be one value; a distribution stands in search_space",
    ),
    "a fixed value out of range": (
        MULTILABEL + "training_parameters:\n  learning_rate: 2  #!\n",
        r"2 must be a number in \[0, 1\]",
    ),
    "a step of nothing": (
        MULTICLASS + "training_parameters:\n  step_lr_step_size: 0  #!\n",
        "0 must be an integer of at",
    ),
    "distributed": (MULTICLASS + "training_parameters:\n  distributed: 4  #!\n", "must be true or false, got 4"),
    "a fixed value of one": (
        DETECTION + "training_parameters:\n  multi_scale: true  #!\nsearch_space:\n"
        "  - model_name: {type: choice, values: [yolov5, fasterrcnn_resnet50_fpn]}\n",
        "fasterrcnn_resnet50_fpn doesn't take it; it is for yolov5",
    ),
    # Rules between values
    "no momentum": (
        MULTICLASS + "training_parameters:\n  momentum: 0\n  nesterov: 1  #!\n",
        "needs a momentum above 0; set nesterov",
    ),
    "a value that can't work": (
        SPACE + "    momentum: {type: choice, values: [0, 0.9]}  #!\n",
        "with 0 it fails: nesterov needs a momentum above 0",
    ),
    "sides that cross": (
        DETECTION + SWEEP + "search_space:\n  - min_size: 800\n    max_size: 700  #!\n",
        "is 700, below min_size = 800",
    ),
    "two sizes of one transformer": (
        MULTICLASS + "training_parameters:\n  model_name: vitb16r224\n  training_crop_size: 192  #!\n"
        "  validation_crop_size: 224\n",
        "a vision transformer has one size",
    ),
    # Outputs
    "another output": (MULTICLASS + "outputs:\n  logs: {path: ./logs}  #!\n", "the only one is best_model"),
    "an output elsewhere": (
        MULTICLASS + "outputs:\n  best_model:\n    path: azureml://datastores/a/paths/b  #!\n",
        "is not on this machine",
    ),
    "an output that is there": (
        MULTICLASS + "outputs:\n  best_model: {type: mlflow_model, path: ./train}  #!\n",
        "exists already and isn't empty",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_named_with_its_line(read: Read, name: str) -> None:
    text, expected = CASES[name]
    with pytest.raises(HyperparameterError) as caught:
        read(text)
    marked = [number for number, line in enumerate(text.splitlines(), start=1) if "#!" in line]
    problems = [str(problem) for problem in caught.value.problems]
    matching = [problem for problem in problems if re.search(expected, problem)]
    assert matching, problems
    if marked:
        assert f"job.yml:{marked[0]}: " in matching[0], problems


def test_everything_is_said_at_once(read: Read) -> None:
    text = (
        MULTICLASS
        + "limits: {max_trials: 0}\nsweep: {}\nsearch_space:\n  - model_name: resnet18\n    learning_rate: 7\n"
        + "    momentum: {type: uniform, min_value: 1, max_value: 0}\noutput: {}\n"
    )
    with pytest.raises(HyperparameterError) as caught:
        read(text)
    assert str(caught.value).startswith("5 problems with the job file:")


def test_data_that_the_job_has_no_name_for(read: Read) -> None:
    with pytest.raises(
        HyperparameterError, match=r"--data trian: the job has no data of this name; did you mean 'train'"
    ):
        read(MULTICLASS, trian="train")
