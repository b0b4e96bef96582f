"""The check of what a model offers detectors."""

from __future__ import annotations

import math

from vistry.testing.check import CheckFailed, require
from vistry.testing.meta_device import map_shapes, on_meta_device, parameters_of, without_norms
from vistry.testing.model_subject import ModelSubject

SIDE = 128


def no_feature_maps(subject: ModelSubject) -> str:
    """Why there are no feature maps to look at, if so."""
    if subject.card.feature_maps is None:
        return "it offers no feature maps"
    return "" if subject.backend == "torch" else f"feature maps are checked in torch, and this is {subject.backend}"


def feature_maps_are_as_declared(subject: ModelSubject) -> None:
    """Its feature maps have the channels, strides and parameters that plugin.toml says, and its own tensors' names."""
    declared = subject.card.feature_maps
    assert declared is not None  # else no_feature_maps leaves the check out
    context = subject.context()
    try:
        backbone = on_meta_device("torch", context.feature_maps)
    except Exception as error:
        raise CheckFailed(f"vistry_build_feature_maps fails: {type(error).__name__}: {error}") from error
    shapes = map_shapes(backbone.module, SIDE)
    found = [(channels, SIDE // height) for channels, height in shapes]
    expected = list(zip(declared.channels, declared.strides, strict=True))
    require(
        found == expected,
        f"plugin.toml says feature maps of (channels, stride) {expected}, and the module's are {found}; "
        "return a list of maps from fine to coarse, and write what is right",
    )
    parameters = parameters_of("torch", backbone.module)
    strange = sorted(set(parameters) - set(subject.parameters()))
    require(
        not strange, f"the model has no tensor named {strange[:3]}: a classifier's weights couldn't be the backbone's"
    )
    count = sum(math.prod(shape) for shape in without_norms(parameters, "").values())
    require(
        count == declared.parameters,
        f"plugin.toml says feature_maps.parameters = {declared.parameters}, and without head and batch norms the model "
        f"has {count}; write the number that is right",
    )
