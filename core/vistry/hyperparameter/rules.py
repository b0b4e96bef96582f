"""Rules between fields: what can't work is an error, what has no effect is a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from vistry.errors import Problem

if TYPE_CHECKING:
    from vistry.hyperparameter.schema import Field, Hyperparameters

Rule = Callable[["Hyperparameters"], Iterator[Problem]]

ONLY_WITH = {
    "momentum": ("optimizer", ("sgd",)),
    "nesterov": ("optimizer", ("sgd",)),
    "beta1": ("optimizer", ("adam", "adamw")),
    "beta2": ("optimizer", ("adam", "adamw")),
    "ams_gradient": ("optimizer", ("adam", "adamw")),
    "step_lr_gamma": ("learning_rate_scheduler", ("step",)),
    "step_lr_step_size": ("learning_rate_scheduler", ("step",)),
    "warmup_cosine_lr_cycles": ("learning_rate_scheduler", ("warmup_cosine",)),
    "warmup_cosine_lr_warmup_epochs": ("learning_rate_scheduler", ("warmup_cosine",)),
    "early_stopping_patience": ("early_stopping", (True,)),
    "early_stopping_delay": ("early_stopping", (True,)),
    "image_type": ("export_as_image", (True,)),
}


def _without_effect(values: Hyperparameters) -> Iterator[Problem]:
    for name, (other, needed) in ONLY_WITH.items():
        if values.given(name) and other in values and values[other] not in needed:
            wanted = " or ".join(str(int(word)) if isinstance(word, bool) else word for word in needed)
            yield Problem(name, f"has no effect unless {other} is {wanted}", "leave it out", "warning")
    for name in ("tile_overlap_ratio", "tile_predictions_nms_threshold"):
        if values.given(name) and values["tile_grid_size"] is None:
            yield Problem(name, "has no effect without tile_grid_size", "set both or neither", "warning")


def _optimizer(values: Hyperparameters) -> Iterator[Problem]:
    if values["optimizer"] == "sgd" and values["nesterov"] and values["momentum"] == 0:
        yield Problem("nesterov", "needs a momentum above 0", "set nesterov to 0 or momentum to 0.9, say")
    if values["optimizer"] in ("adam", "adamw"):
        for name in ("beta1", "beta2"):
            if values[name] == 1:
                yield Problem(name, "must be below 1 for adam and adamw: at 1 nothing is ever learned", "lower it")


def _schedule(values: Hyperparameters) -> Iterator[Problem]:
    warmup, epochs = values["warmup_cosine_lr_warmup_epochs"], values["number_of_epochs"]
    if values["learning_rate_scheduler"] == "warmup_cosine" and warmup >= epochs:
        yield Problem(
            "warmup_cosine_lr_warmup_epochs",
            f"the warm-up of {warmup} epochs fills all {epochs} epochs of training, so the learning rate never "
            "starts to fall",
            f"train longer than {warmup} epochs, or set it lower",
            "warning",
        )
    if values["learning_rate"] == 0:
        yield Problem("learning_rate", "at 0 nothing is learned", "raise it", "warning")


def _sizes(values: Hyperparameters) -> Iterator[Problem]:
    if "validation_crop_size" in values:
        crop, resize = values["validation_crop_size"], values["validation_resize_size"]
        if crop > resize:
            yield Problem(
                "validation_crop_size",
                f"a crop of {crop} px doesn't fit in images resized to {resize} px",
                f"set validation_resize_size to at least {crop}",
            )
    if "min_size" in values and values["max_size"] < values["min_size"]:
        yield Problem(
            "max_size",
            f"is {values['max_size']}, below min_size = {values['min_size']}",
            "make it at least as large",
        )
    if values.get("tile_grid_size") and "".join(filter(str.isdigit, values["tile_grid_size"])) == "11":
        columns, rows = (part.strip(" ()") for part in values["tile_grid_size"].lower().replace(",", "x").split("x"))
        if columns == rows == "1":
            yield Problem("tile_grid_size", "1x1 is the whole image, no tiling", "leave it out, or use 2x1 or more")


RULES: tuple[Rule, ...] = (_optimizer, _schedule, _sizes, _without_effect)


def cross_field_problems(values: Hyperparameters, fields: Mapping[str, Field]) -> list[Problem]:
    """Every broken rule of values that are each in range, errors and warnings."""
    return [problem for check in RULES for problem in check(values)]
