"""The tables of "Hyperparameters for computer vision tasks in automated machine learning", row by row.

Transcribed from the document of 01/18/2022 that the project was created from. `rule` is the document's own
sentence in short; a default is given by task, and exceptions by model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"
DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"
CLASSIFICATION = (MULTICLASS, MULTILABEL)
BOXES = (DETECTION, SEGMENTATION)
ALL = (*CLASSIFICATION, *BOXES)
NO_DEFAULT = None

POSITIVE_INTEGER = "positive integer"
UNIT_FLOAT = "float in [0, 1]"
FLAG = "0 or 1"
ANY = "any"


class Row(NamedTuple):
    name: str
    rule: str | tuple[Any, ...]
    default: dict[str, Any]
    exceptions: dict[str, dict[str, Any]]


def everywhere(value: Any, tasks: tuple[str, ...] = ALL) -> dict[str, Any]:
    return dict.fromkeys(tasks, value)


def row(name: str, rule: str | tuple[Any, ...], default: dict[str, Any], **exceptions: Any) -> Row:
    return Row(name, rule, default, exceptions)


VIT_BATCH = {
    "vits16r224": everywhere(128, CLASSIFICATION),
    "vitb16r224": everywhere(48, CLASSIFICATION),
    "vitl16r224": everywhere(10, CLASSIFICATION),
}
BOTH_78 = everywhere(78, CLASSIFICATION)

MODEL_AGNOSTIC = [
    row("number_of_epochs", POSITIVE_INTEGER, everywhere(15), yolov5={DETECTION: 30}),
    row(
        "training_batch_size",
        POSITIVE_INTEGER,
        {**BOTH_78, DETECTION: 2, SEGMENTATION: 2},
        **VIT_BATCH,
        yolov5={DETECTION: 16},
    ),
    row(
        "validation_batch_size",
        POSITIVE_INTEGER,
        {**BOTH_78, DETECTION: 1, SEGMENTATION: 1},
        **VIT_BATCH,
        yolov5={DETECTION: 16},
    ),
    row("gradient_accumulation_step", POSITIVE_INTEGER, everywhere(1)),
    row("early_stopping", FLAG, everywhere(1)),
    row("early_stopping_patience", POSITIVE_INTEGER, everywhere(5)),
    row("early_stopping_delay", POSITIVE_INTEGER, everywhere(5)),
    row(
        "learning_rate",
        UNIT_FLOAT,
        {MULTICLASS: 0.01, MULTILABEL: 0.035, DETECTION: 0.005, SEGMENTATION: 0.005},
        vits16r224={MULTICLASS: 0.0125, MULTILABEL: 0.025},
        vitb16r224={MULTICLASS: 0.0125, MULTILABEL: 0.025},
        vitl16r224={MULTICLASS: 0.001, MULTILABEL: 0.002},
        yolov5={DETECTION: 0.01},
    ),
    row("learning_rate_scheduler", ("warmup_cosine", "step"), everywhere("warmup_cosine")),
    row("step_lr_gamma", UNIT_FLOAT, everywhere(0.5)),
    row("step_lr_step_size", POSITIVE_INTEGER, everywhere(5)),
    row("warmup_cosine_lr_cycles", UNIT_FLOAT, everywhere(0.45)),
    row("warmup_cosine_lr_warmup_epochs", POSITIVE_INTEGER, everywhere(2)),
    row("optimizer", ("sgd", "adam", "adamw"), everywhere("sgd")),
    row("momentum", UNIT_FLOAT, everywhere(0.9)),
    row("weight_decay", UNIT_FLOAT, everywhere(1e-4)),
    row("nesterov", FLAG, everywhere(1)),
    row("beta1", UNIT_FLOAT, everywhere(0.9)),
    row("beta2", UNIT_FLOAT, everywhere(0.999)),
    row("ams_gradient", FLAG, everywhere(0)),
    row("evaluation_frequency", POSITIVE_INTEGER, everywhere(1)),
    row("checkpoint_frequency", POSITIVE_INTEGER, everywhere(NO_DEFAULT)),
    row("checkpoint_run_id", ANY, everywhere(NO_DEFAULT)),
    row("layers_to_freeze", POSITIVE_INTEGER, everywhere(NO_DEFAULT)),
]

IMAGE_CLASSIFICATION = [
    row("weighted_loss", (0, 1, 2), everywhere(0, CLASSIFICATION)),
    row("validation_resize_size", POSITIVE_INTEGER, everywhere(256, CLASSIFICATION)),
    row("validation_crop_size", POSITIVE_INTEGER, everywhere(224, CLASSIFICATION)),
    row("training_crop_size", POSITIVE_INTEGER, everywhere(224, CLASSIFICATION)),
]

METRIC_TYPES = ("none", "coco", "voc", "coco_voc")

DETECTION_AND_SEGMENTATION = [
    row("validation_metric_type", METRIC_TYPES, everywhere("voc", BOXES)),
    row("validation_iou_threshold", "float in [0.1, 1]", everywhere(0.5, BOXES)),
    row("min_size", POSITIVE_INTEGER, everywhere(600, BOXES)),
    row("max_size", POSITIVE_INTEGER, everywhere(1333, BOXES)),
    row("box_score_threshold", UNIT_FLOAT, everywhere(0.3, BOXES)),
    row("nms_iou_threshold", UNIT_FLOAT, everywhere(0.5, BOXES)),
    row("box_detections_per_image", POSITIVE_INTEGER, everywhere(100, BOXES)),
    row("tile_grid_size", "'3x2'", {DETECTION: NO_DEFAULT}),
    row("tile_overlap_ratio", "float in [0, 1)", {DETECTION: 0.25}),
    row("tile_predictions_nms_threshold", UNIT_FLOAT, {DETECTION: 0.25}),
]

YOLOV5 = [
    row("validation_metric_type", METRIC_TYPES, {DETECTION: "voc"}),
    row("validation_iou_threshold", "float in [0.1, 1]", {DETECTION: 0.5}),
    row("image_size", POSITIVE_INTEGER, {DETECTION: 640}),
    row("model_size", ("small", "medium", "large", "extra_large"), {DETECTION: "medium"}),
    row("multi_scale", FLAG, {DETECTION: 0}),
    row("box_score_threshold", UNIT_FLOAT, {DETECTION: 0.1}),
    row("nms_iou_threshold", UNIT_FLOAT, {DETECTION: 0.5}),
    row("tile_grid_size", "'3x2'", {DETECTION: NO_DEFAULT}),
    row("tile_overlap_ratio", "float in [0, 1)", {DETECTION: 0.25}),
    row("tile_predictions_nms_threshold", UNIT_FLOAT, {DETECTION: 0.25}),
]

MASKRCNN = [
    row("mask_pixel_score_threshold", UNIT_FLOAT, {SEGMENTATION: 0.5}),
    row("max_number_of_polygon_points", POSITIVE_INTEGER, {SEGMENTATION: 100}),
    row("export_as_image", FLAG, {SEGMENTATION: False}),
    row("image_type", ("jpg", "png", "bmp"), {SEGMENTATION: "JPG"}),
]

MODELS = {
    MULTICLASS: {
        "mobilenetv2": "mobilenetv2",
        "resnet18": "resnet",
        "resnet34": "resnet",
        "resnet50": "resnet",
        "resnet101": "resnet",
        "resnet152": "resnet",
        "resnest50": "resnest",
        "resnest101": "resnest",
        "seresnext": "seresnext",
        "vits16r224": "vit",
        "vitb16r224": "vit",
        "vitl16r224": "vit",
    },
    DETECTION: {
        "yolov5": "yolov5",
        "fasterrcnn_resnet18_fpn": "fasterrcnn",
        "fasterrcnn_resnet34_fpn": "fasterrcnn",
        "fasterrcnn_resnet50_fpn": "fasterrcnn",
        "fasterrcnn_resnet101_fpn": "fasterrcnn",
        "fasterrcnn_resnet152_fpn": "fasterrcnn",
        "retinanet_resnet50_fpn": "retinanet",
    },
    SEGMENTATION: {
        "maskrcnn_resnet18_fpn": "maskrcnn",
        "maskrcnn_resnet34_fpn": "maskrcnn",
        "maskrcnn_resnet50_fpn": "maskrcnn",
        "maskrcnn_resnet101_fpn": "maskrcnn",
        "maskrcnn_resnet152_fpn": "maskrcnn",
    },
}
MODELS[MULTILABEL] = MODELS[MULTICLASS]

DEFAULT_MODELS = {
    MULTICLASS: "seresnext",
    MULTILABEL: "seresnext",
    DETECTION: "fasterrcnn_resnet50_fpn",
    SEGMENTATION: "maskrcnn_resnet50_fpn",
}

# the notes "`seresnext` doesn't take an arbitrary size"
FIXED_SIZES = {
    "seresnext": {"validation_resize_size": 256, "validation_crop_size": 224, "training_crop_size": 224},
}

RESNET_LAYERS = [("conv1.", "bn1."), "layer1.", "layer2.", "layer3.", "layer4."]
RESNET_BACKBONE = [
    "backbone.body.conv1.",
    "backbone.body.layer1.",
    "backbone.body.layer2.",
    "backbone.body.layer3.",
    "backbone.body.layer4.",
]
LAYERS_TO_FREEZE = {
    "resnet": RESNET_LAYERS,
    "resnest": RESNET_LAYERS,
    "mobilenetv2": [f"features.{number}." for number in range(19)],
    "seresnext": ["layer0.", "layer1.", "layer2.", "layer3.", "layer4."],
    # the document stops at block 11; the large one has 24 blocks
    "vit": ["patch_embed", *(f"blocks.{number}." for number in range(12))],
    "yolov5": [f"model.{number}." for number in range(10)],
    "fasterrcnn": RESNET_BACKBONE,
    "retinanet": RESNET_BACKBONE,
    "maskrcnn": RESNET_BACKBONE,
}


def rows_of(model: str | None, task: str) -> list[Row]:
    """The rows that hold for a model, or with None those a task's models share."""
    tables = [*MODEL_AGNOSTIC, *IMAGE_CLASSIFICATION]
    tables += YOLOV5 if model == "yolov5" else DETECTION_AND_SEGMENTATION
    tables += MASKRCNN if task == SEGMENTATION else []
    return [row for row in tables if task in row.default]


def default_of(row: Row, model: str | None, task: str) -> Any:
    return row.exceptions.get(model or "", {}).get(task, row.default[task])
