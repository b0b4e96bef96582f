"""A file of a job of the hosted product is named, with the line to type."""

from __future__ import annotations

import pytest
from vistry.errors import HyperparameterError
from vistry.hyperparameter.sources import read_file

JOB = """
$schema: https://example.org/preview/0.0.1/autoMLJob.schema.json
type: automl
compute: azureml:gpu-cluster
task: image_object_detection
training_data:
  path: data/training-mltable-folder
  type: mltable
training_parameters:
  early_stopping: true
search_space:
  - model_name: yolov5
    learning_rate: "uniform(0.0001, 0.01)"
"""


@pytest.mark.parametrize("left_out", ["$schema", "type"])
def test_fault_15_a_job_s_file_is_one_sentence(tmp_path, left_out):
    path = tmp_path / "job.yml"
    path.write_text("\n".join(line for line in JOB.splitlines() if not line.startswith(f"{left_out}:")))
    with pytest.raises(HyperparameterError) as caught:
        read_file(path)
    (problem,) = caught.value.problems
    assert str(problem) == f"{path}: this is a job file of the hosted product; type: vistry job run {path}"


def test_hyperparameters_of_their_own_are_no_job(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text("model_name: yolov5\nnumber_of_epochs: 2\n")
    assert read_file(path).values == {"model_name": "yolov5", "number_of_epochs": 2}
