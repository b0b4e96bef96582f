"""YOLOv5's hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.plugin import FittedTensors, Module, Problem, StateDict, Values, hookimpl

from vistry_yolov5.architecture import LARGEST_STRIDE, square_side

if TYPE_CHECKING:
    from vistry.plugin import Input, Table


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build the network in the size that `model_size` names."""
    if backend == "jax":
        from vistry_yolov5 import flax_model

        return flax_model.build(num_classes, hyperparameters)
    from vistry_yolov5 import torch_model

    return torch_model.build(num_classes, hyperparameters)


@hookimpl
def vistry_build_input(hyperparameters: Values) -> Input:
    """Build the input of square images: mosaics in training, letterboxes in validation and prediction."""
    from vistry_yolov5.images import SquareInput

    return SquareInput(hyperparameters)


@hookimpl
def vistry_fit_to_data(hyperparameters: Values, state_dict: StateDict, table: Table) -> FittedTensors:
    """Fit the anchors to the objects of the training split if the present ones match too few of them."""
    from vistry_yolov5.fitting import fit_anchors

    return fit_anchors(state_dict, table, hyperparameters)


@hookimpl
def vistry_check_hyperparameters(hyperparameters: Values) -> list[Problem]:
    """Warn about a size that isn't a multiple of the largest stride, and so is rounded up."""
    size = hyperparameters["image_size"]
    rounded = square_side(hyperparameters)
    if size == rounded:
        return []
    message = f"{size} is not a multiple of {LARGEST_STRIDE}, so images are resized to {rounded} pixels"
    return [Problem("image_size", message, f"set {rounded}", "warning")]


@hookimpl
def vistry_map_weights(state_dict: StateDict) -> StateDict:
    """Drop the anchors in pixels, which older checkpoints have beside those in strides."""
    return {name: value for name, value in state_dict.items() if not name.endswith(".anchor_grid")}


@hookimpl
def vistry_build_exportable(module: Module, hyperparameters: Values) -> Module:
    """Build a network that can be exported around the trained one; it is given letterboxes."""
    from vistry_yolov5.torch_model import ExportableYOLOv5

    return ExportableYOLOv5(module, square_side(hyperparameters))
