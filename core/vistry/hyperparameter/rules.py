"""Rules between fields: what can't work is an error, what has no effect or no good one is a warning.

`docs/explanation/differences.md` gives the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from vistry.errors import Problem
from vistry.hyperparameter.offer import Offer, choosing_fields
from vistry.hyperparameter.values import Hyperparameters, format_value
from vistry.registry.part_specs import AugmentationSpec, LossSpec
from vistry.registry.parts import Part

Check = Callable[[Hyperparameters], Problem | None]


@dataclass(frozen=True)
class Rule:
    """A check of several fields, made where the schema has them all and each is in range."""

    fields: tuple[str, ...]
    check: Check


def _warning(field: str, message: str, remedy: str = "") -> Problem:
    return Problem(field, message, remedy, severity="warning")


def _only_with(name: str, other: str, needed: tuple[object, ...]) -> Rule:
    return Rule((name, other), partial(_has_effect, name, other, needed))


def _has_effect(name: str, other: str, needed: tuple[object, ...], values: Hyperparameters) -> Problem | None:
    if not values.given(name) or values[other] in needed:
        return None
    wanted = " or ".join(format_value(value) for value in needed)  # type: ignore[arg-type]
    return _warning(name, f"has no effect unless {other} is {wanted}", "leave it out")


def _tiles(name: str, values: Hyperparameters) -> Problem | None:
    if values.given(name) and values.tile_grid_size is None:
        return _warning(name, "has no effect without tile_grid_size", "set both or neither")
    return None


def _nesterov(values: Hyperparameters) -> Problem | None:
    if values.optimizer == "sgd" and values.nesterov and values.momentum == 0:
        return Problem("nesterov", "needs a momentum above 0", "set nesterov to 0, or momentum to 0.9, say")
    return None


def _beta(name: str, values: Hyperparameters) -> Problem | None:
    if values.optimizer in ("adam", "adamw") and values[name] == 1:
        return Problem(name, "must be below 1 for adam and adamw: at 1 their averages never move", "lower it")
    return None


def _learning_rate(values: Hyperparameters) -> Problem | None:
    if values.learning_rate == 0:
        return _warning("learning_rate", "at 0 nothing is learned", "raise it")
    return None


def _warm_up(values: Hyperparameters) -> Problem | None:
    warm_up, epochs = values.warmup_cosine_lr_warmup_epochs, values.number_of_epochs
    if values.learning_rate_scheduler != "warmup_cosine" or warm_up < epochs:
        return None
    return _warning(
        "warmup_cosine_lr_warmup_epochs",
        f"warm-up ({warm_up} epochs) is as long as training ({epochs} epochs), so the learning rate never decays",
        f"train for more than {warm_up} epochs, or set it lower",
    )


def _step(values: Hyperparameters) -> Problem | None:
    size, epochs = values.step_lr_step_size, values.number_of_epochs
    if values.learning_rate_scheduler != "step" or size < epochs:
        return None
    message = f"the first drop would come after {size} epochs, and the training has {epochs}"
    return _warning("step_lr_step_size", message, "set it lower")


def _gamma(values: Hyperparameters) -> Problem | None:
    if values.learning_rate_scheduler == "step" and values.step_lr_gamma == 0:
        return _warning("step_lr_gamma", "at 0 nothing is learned after the first drop", "raise it")
    return None


def _evaluations(values: Hyperparameters) -> Problem | None:
    every, epochs = values.evaluation_frequency, values.number_of_epochs
    if every <= epochs:
        return None
    return _warning("evaluation_frequency", f"only the last of {epochs} epochs is evaluated", "set it lower")


def _checkpoints(values: Hyperparameters) -> Problem | None:
    every, epochs = values.checkpoint_frequency, values.number_of_epochs
    if every is None or every <= epochs:
        return None
    message = f"no checkpoint beside the best one is kept in {epochs} epochs"
    return _warning("checkpoint_frequency", message, "set it lower, or leave it out")


def _two_starts(values: Hyperparameters) -> Problem | None:
    if values.weights in ("none", "auto") or values.checkpoint_run_id is None:
        return None
    return Problem("weights", "can't be combined with checkpoint_run_id", "set one of the two")


def _frozen_noise(values: Hyperparameters) -> Problem | None:
    start = (values.weights, values.checkpoint_run_id)
    if values.layers_to_freeze is None or start != ("none", None):
        return None
    message = "freezes layers that have random weights, since weights is none and checkpoint_run_id unset"
    return _warning("layers_to_freeze", message, "set one of them, or leave it out")


def _crop(values: Hyperparameters) -> Problem | None:
    crop, resize = values.validation_crop_size, values.validation_resize_size
    if crop <= resize:
        return None
    return Problem(
        "validation_crop_size",
        f"a crop of {crop} px doesn't fit in images resized to {resize} px",
        f"set validation_resize_size to at least {crop}",
    )


def _sides(values: Hyperparameters) -> Problem | None:
    if values.max_size >= values.min_size:
        return None
    return Problem("max_size", f"is {values.max_size}, below min_size = {values.min_size}", "raise it")


def _early_stopping(values: Hyperparameters) -> Problem | None:
    if not values.given("early_stopping") or not values.early_stopping:
        return None
    if values.validation_metric_type != "none":
        return None
    return _warning("early_stopping", "has no effect without a validation metric", "set validation_metric_type")


RULES = (
    Rule(("nesterov", "momentum", "optimizer"), _nesterov),
    Rule(("beta1", "optimizer"), partial(_beta, "beta1")),
    Rule(("beta2", "optimizer"), partial(_beta, "beta2")),
    Rule(("validation_crop_size", "validation_resize_size"), _crop),
    Rule(("max_size", "min_size"), _sides),
    Rule(("weights", "checkpoint_run_id"), _two_starts),
    Rule(("learning_rate",), _learning_rate),
    Rule(("warmup_cosine_lr_warmup_epochs", "number_of_epochs", "learning_rate_scheduler"), _warm_up),
    Rule(("step_lr_step_size", "number_of_epochs", "learning_rate_scheduler"), _step),
    Rule(("step_lr_gamma", "learning_rate_scheduler"), _gamma),
    Rule(("evaluation_frequency", "number_of_epochs"), _evaluations),
    Rule(("checkpoint_frequency", "number_of_epochs"), _checkpoints),
    Rule(("layers_to_freeze", "weights", "checkpoint_run_id"), _frozen_noise),
    Rule(("early_stopping", "validation_metric_type"), _early_stopping),
    _only_with("early_stopping_patience", "early_stopping", (True,)),
    _only_with("early_stopping_delay", "early_stopping", (True,)),
    _only_with("validation_iou_threshold", "validation_metric_type", ("voc", "coco_voc")),
    _only_with("image_type", "export_as_image", (True,)),
    Rule(("tile_overlap_ratio", "tile_grid_size"), partial(_tiles, "tile_overlap_ratio")),
    Rule(("tile_predictions_nms_threshold", "tile_grid_size"), partial(_tiles, "tile_predictions_nms_threshold")),
)


def _switched_on(name: str, switch: str, values: Hyperparameters) -> Problem | None:
    if values.given(name) and values[switch] == 0:
        return _warning(name, f"has no effect while {switch} is 0", "leave it out, or raise that")
    return None


def part_rules(offer: Offer) -> Iterator[Rule]:
    """A hyperparameter of parts has an effect only where one that reads it is chosen, or switched on."""
    losses, augmentations = offer.losses.parts, offer.augmentations.parts
    switched: list[Part[LossSpec] | Part[AugmentationSpec]] = [*losses.values(), *augmentations.values()]
    for part in switched:
        switch, _ = part.spec.switch(part.name)
        for name in part.spec.hyperparameters:
            yield Rule((name, switch), partial(_switched_on, name, switch))
    for kind, chooser in choosing_fields().items():
        for name, readers in offer.readers_of(kind).items():
            yield _only_with(name, chooser, tuple(readers))


def cross_field_problems(values: Hyperparameters, out_of_range: Collection[str], offer: Offer) -> Iterator[Problem]:
    """Every broken rule, errors and warnings, but for those about a field that is out of range itself."""
    for rule in (*RULES, *part_rules(offer)):
        if all(name in values and name not in out_of_range for name in rule.fields):
            problem = rule.check(values)
            if problem:
                yield problem
