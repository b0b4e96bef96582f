"""Rules between fields: which values are refused together, which draw a warning, and which pass in silence."""

from __future__ import annotations

from typing import Any

import pytest
import vistry
from vistry.errors import HyperparameterError
from vistry.hyperparameter.offer import Offer
from vistry.hyperparameter.rules import RULES, part_rules
from vistry.hyperparameter.schema import Source

MULTICLASS, DETECTION, SEGMENTATION = "multiclass", "detection", "segmentation"


def outcome(task: str, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Severity, field and message of each problem."""
    try:
        found = vistry.hyperparameters(None, task).resolve([Source.of(values, "the test")]).warnings
    except HyperparameterError as error:
        found = error.problems
    return [(problem.severity, problem.field, f"{problem.message}; {problem.remedy}") for problem in found]


ERRORS = [
    (
        MULTICLASS,
        {"momentum": 0},
        "nesterov",
        "needs a momentum above 0; set nesterov to 0, or momentum to 0.9, say",
    ),
    (
        MULTICLASS,
        {"optimizer": "adam", "beta1": 1},
        "beta1",
        "must be below 1 for adam and adamw: at 1 their averages never move; lower it",
    ),
    (
        MULTICLASS,
        {"optimizer": "adamw", "beta2": 1},
        "beta2",
        "must be below 1 for adam and adamw: at 1 their averages never move; lower it",
    ),
    (
        MULTICLASS,
        {"validation_crop_size": 257},
        "validation_crop_size",
        "a crop of 257 px doesn't fit in images resized to 256 px; set validation_resize_size to at least 257",
    ),
    (
        DETECTION,
        {"min_size": 1400},
        "max_size",
        "is 1333, below min_size = 1400; raise it",
    ),
    (
        MULTICLASS,
        {"weights": "imagenet", "checkpoint_run_id": "a-run"},
        "weights",
        "can't be combined with checkpoint_run_id; set one of the two",
    ),
]
WARNINGS = [
    (MULTICLASS, {"learning_rate": 0}, "learning_rate", "at 0 nothing is learned; raise it"),
    (
        MULTICLASS,
        {"number_of_epochs": 2},
        "warmup_cosine_lr_warmup_epochs",
        "warm-up (2 epochs) is as long as training (2 epochs), so the learning rate never decays; "
        "train for more than 2 epochs, or set it lower",
    ),
    (
        MULTICLASS,
        {"learning_rate_scheduler": "step", "step_lr_step_size": 15},
        "step_lr_step_size",
        "the first drop would come after 15 epochs, and the training has 15; set it lower",
    ),
    (
        MULTICLASS,
        {"learning_rate_scheduler": "step", "step_lr_gamma": 0},
        "step_lr_gamma",
        "at 0 nothing is learned after the first drop; raise it",
    ),
    (
        MULTICLASS,
        {"evaluation_frequency": 16},
        "evaluation_frequency",
        "only the last of 15 epochs is evaluated; set it lower",
    ),
    (
        MULTICLASS,
        {"checkpoint_frequency": 16},
        "checkpoint_frequency",
        "no checkpoint beside the best one is kept in 15 epochs; set it lower, or leave it out",
    ),
    (
        MULTICLASS,
        {"layers_to_freeze": 2, "weights": "none"},
        "layers_to_freeze",
        "freezes layers that have random weights, since weights is none and checkpoint_run_id unset; "
        "set one of them, or leave it out",
    ),
    (
        DETECTION,
        {"early_stopping": 1, "validation_metric_type": "none"},
        "early_stopping",
        "has no effect without a validation metric; set validation_metric_type",
    ),
    (
        DETECTION,
        {"tile_overlap_ratio": 0.3},
        "tile_overlap_ratio",
        "has no effect without tile_grid_size; set both or neither",
    ),
    (
        DETECTION,
        {"tile_predictions_nms_threshold": 0.3},
        "tile_predictions_nms_threshold",
        "has no effect without tile_grid_size; set both or neither",
    ),
    *(
        (task, {other: setting, name: value}, name, f"has no effect unless {other} is {wanted}; leave it out")
        for task, name, value, other, setting, wanted in [
            (MULTICLASS, "momentum", 0.8, "optimizer", "adam", "sgd"),
            (MULTICLASS, "nesterov", 1, "optimizer", "adamw", "sgd"),
            (MULTICLASS, "beta1", 0.8, "optimizer", "sgd", "adam or adamw"),
            (MULTICLASS, "beta2", 0.8, "optimizer", "sgd", "adam or adamw"),
            (MULTICLASS, "ams_gradient", 1, "optimizer", "sgd", "adam or adamw"),
            (MULTICLASS, "step_lr_gamma", 0.1, "learning_rate_scheduler", "warmup_cosine", "step"),
            (MULTICLASS, "step_lr_step_size", 2, "learning_rate_scheduler", "warmup_cosine", "step"),
            (MULTICLASS, "warmup_cosine_lr_cycles", 0.5, "learning_rate_scheduler", "step", "warmup_cosine"),
            (MULTICLASS, "warmup_cosine_lr_warmup_epochs", 3, "learning_rate_scheduler", "step", "warmup_cosine"),
            (MULTICLASS, "early_stopping_patience", 3, "early_stopping", 0, "1"),
            (MULTICLASS, "early_stopping_delay", 3, "early_stopping", 0, "1"),
            (DETECTION, "validation_iou_threshold", 0.6, "validation_metric_type", "coco", "voc or coco_voc"),
            (SEGMENTATION, "image_type", "PNG", "export_as_image", 0, "1"),
        ]
    ),
]
SILENT = [
    (MULTICLASS, {}),
    (MULTICLASS, {"momentum": 0, "nesterov": 0}),
    (MULTICLASS, {"optimizer": "adam"}),
    (MULTICLASS, {"optimizer": "adam", "beta1": 0.999}),
    (MULTICLASS, {"validation_crop_size": 256}),
    (MULTICLASS, {"number_of_epochs": 3}),
    (MULTICLASS, {"learning_rate_scheduler": "step", "step_lr_step_size": 14}),
    (MULTICLASS, {"evaluation_frequency": 15, "checkpoint_frequency": 15}),
    (MULTICLASS, {"layers_to_freeze": 2}),
    (MULTICLASS, {"layers_to_freeze": 2, "weights": "imagenet"}),
    (MULTICLASS, {"layers_to_freeze": 2, "checkpoint_run_id": "a-run"}),
    (MULTICLASS, {"early_stopping": 0}),
    (DETECTION, {}),
    (DETECTION, {"min_size": 1333}),
    (DETECTION, {"tile_grid_size": "2x1", "tile_overlap_ratio": 0.1}),
    (DETECTION, {"tile_grid_size": "11x1"}),
    (DETECTION, {"validation_metric_type": "none"}),
    (DETECTION, {"validation_metric_type": "coco_voc", "validation_iou_threshold": 0.6}),
    (SEGMENTATION, {"export_as_image": 1, "image_type": "png"}),
]


@pytest.mark.parametrize(("task", "values", "field", "text"), ERRORS)
def test_what_cannot_work_is_refused(task: str, values: dict[str, Any], field: str, text: str) -> None:
    assert outcome(task, values) == [("error", field, text)]


@pytest.mark.parametrize(("task", "values", "field", "text"), WARNINGS)
def test_what_has_no_good_effect_draws_a_warning(task: str, values: dict[str, Any], field: str, text: str) -> None:
    assert outcome(task, values) == [("warning", field, text)]


@pytest.mark.parametrize(("task", "values"), SILENT)
def test_what_is_fine_draws_none(task: str, values: dict[str, Any]) -> None:
    assert outcome(task, values) == []


def test_every_rule_is_tried() -> None:
    tried = {field for _, _, field, _ in [*ERRORS, *WARNINGS]}
    assert {rule.fields[0] for rule in (*RULES, *part_rules(Offer.of(None)))} == tried


def test_a_rule_waits_until_its_fields_are_in_range() -> None:
    assert outcome(MULTICLASS, {"momentum": 0, "nesterov": 7}) == [
        ("error", "nesterov", "7, from the test, must be 0 or 1; ")
    ]
