"""The keys of a job file: which count, which mean nothing on this machine, and what to write for those of old."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vistry.errors import suggestion
from vistry.registry.tasks import TASK_NAMES
from vistry.sweep.job_files.document import Node, Remarks, refuse_unknown, shown, snake_case
from vistry.sweep.job_files.scalars import number, word

HONOURED = (
    "type",
    "task",
    "training_data",
    "validation_data",
    "validation_data_size",
    "test_data",
    "target_column_name",
    "primary_metric",
    "limits",
    "training_parameters",
    "sweep",
    "search_space",
    "outputs",
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
)
# What says where and how the product's own machines work.
IGNORED = (
    "compute",
    "resources",
    "queue_settings",
    "identity",
    "environment_id",
    "environment_variables",
    "services",
    "creation_context",
    "properties",
    "log_verbosity",
)
SILENT = ("$schema", "id", "status", "log_files")
INSTEAD = {
    "image_model": "its keys stand under training_parameters now",
    "early_termination": "it stands under sweep now",
    "sampling_algorithm": "it stands under sweep now",
    "max_trials": "it stands under limits",
    "timeout_minutes": "it stands under limits",
    "max_concurrent_trials": "it stands under limits",
    "timeout": "write timeout_minutes under limits",
    "model_name": "it stands under training_parameters, or in search_space",
    "featurization": "it is for jobs about tables",
    "forecasting": "it is for jobs about tables",
    "training": "it is for jobs about tables; values stand under training_parameters",
    "n_cross_validations": "it is for jobs about tables; for folds type: vistry train --folds 5",
    "weight_column_name": "it is for jobs about tables",
    "cv_split_column_names": "it is for jobs about tables",
    "inputs": "it is for command jobs; data stands under training_data",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# What other files of the product describe.
_OTHER_JOBS = {
    "sweep": "a sweep over somebody's own script",
    "command": "a script to run",
    "pipeline": "several jobs in a row",
    "spark": "a Spark job",
    "import": "an import of data",
    "mltable": "a data set: it is named by training_data",
    "finetuning": "a fine-tuning of a language model",
}


def check_keys(document: Node, remarks: Remarks) -> None:
    """Refuse what is no key of a job file or has no meaning here, and name in one line what is ignored."""
    refuse_unknown(document, (*HONOURED, *IGNORED, *SILENT, "test_data_size"), remarks, instead=INSTEAD)
    ignored = [node for node in document.items() if node.key in IGNORED]
    if ignored:
        remarks.lines[f"{document.path}: ignored: {', '.join(node.key for node in ignored)}"] = None
    nodes = document.get("properties")
    count = nodes.get("node_count_per_trial") if nodes else None
    if count is not None and (number(count, remarks) or 0) > 1:
        remarks.refuse(count, "is more than the one machine that a trial has here", "write 1")
    if size := document.get("test_data_size"):
        remarks.say(size, "has no effect, nor has it in the product: images to test on are named by test_data")
    if target := document.get("target_column_name"):
        if target.value != "label":
            remarks.refuse(
                target, f"must be label, got {shown(target.value)}", "the field of the JSON Lines that is read is label"
            )
    else:
        remarks.refuse(document, "target_column_name is missing", "write target_column_name: label")


def check_type(document: Node, remarks: Remarks) -> None:
    """Refuse the file of another kind of job."""
    node = document.get("type")
    if node is None:
        remarks.refuse(document, "type is missing", "write type: automl")
    elif snake_case(str(node.value)) != "automl":
        other = _OTHER_JOBS.get(str(node.value).lower())
        told = f"; this file describes {other}" if other else ""
        remarks.refuse(node, f"must be automl, got {shown(node.value)}{told}")


def task_of(document: Node, remarks: Remarks) -> str | None:
    """The full name of the task; None where it is refused."""
    node = document.get("task")
    if node is None:
        remarks.refuse(document, "task is missing", f"write task: and one of {', '.join(TASK_NAMES)}")
        return None
    name = snake_case(str(node.value))
    if name in TASK_NAMES:
        return name
    remarks.refuse(node, f"there is no task {shown(node.value)} for images", suggestion(name, TASK_NAMES))
    return None


def notes_of(document: Node, remarks: Remarks) -> dict[str, str]:
    """What people call the job: names, description and tags."""
    notes = {}
    for key in ("name", "display_name", "experiment_name", "description"):
        node = document.get(key)
        text = word(node, remarks) if node is not None else None
        if node is not None and key == "name" and text and not _NAME.fullmatch(text):
            remarks.refuse(node, f"'{text}' can't name a folder", "write letters, digits, '-', '_' and '.'")
        if text:
            notes[key] = text
    return notes | dict(_tags(document.get("tags"), remarks))


def _tags(node: Node | None, remarks: Remarks) -> Iterator[tuple[str, str]]:
    if node is None or node.value is None:
        return
    if not isinstance(node.value, dict):
        remarks.refuse(node, f"must be a mapping, got {shown(node.value)}", "write tags: {team: fruit}")
    for tag in node.items():
        if isinstance(tag.value, dict | list):
            remarks.refuse(tag, f"must be text, got {shown(tag.value)}")
        else:
            yield f"tags.{tag.key}", str(tag.value)
