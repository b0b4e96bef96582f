"""The check of the feature maps that a model offers to detectors."""

from __future__ import annotations

import math

from vistry.testing.check import CheckFailed, listed, reason_of, require
from vistry.testing.meta_device import map_shapes, on_meta_device, parameters_of, without_norms
from vistry.testing.model_subject import ModelSubject

SIDE = 128  # pixels: a multiple of the usual strides, 4 to 64


def absent_feature_maps(subject: ModelSubject) -> str:
    """Return why no feature maps are checked, "" if they are."""
    if subject.card.feature_maps is None:
        return "the model offers no feature maps"
    return "" if subject.backend == "torch" else f"feature maps are checked in torch, not in {subject.backend}"


def feature_maps_are_as_declared(subject: ModelSubject) -> None:
    """Its feature maps have the channels, strides and parameters that plugin.toml says, and its own tensors' names."""
    declared = subject.card.feature_maps
    assert declared is not None  # else absent_feature_maps leaves the check out
    context = subject.context()
    try:
        backbone = on_meta_device("torch", context.feature_maps)
    except Exception as error:
        raise CheckFailed(f"vistry_build_feature_maps fails: {reason_of(error)}") from error
    shapes = map_shapes(backbone.module, SIDE)
    maps = [(channels, SIDE // height) for channels, height in shapes]
    expected = list(zip(declared.channels, declared.strides, strict=True))
    require(
        maps == expected,
        f"plugin.toml says feature maps of (channels, stride) {expected}, but the module's are {maps}; "
        "return a list of maps from fine to coarse, and correct plugin.toml",
    )
    parameters = parameters_of("torch", backbone.module)
    unknown = sorted(set(parameters) - set(subject.parameters()))
    require(
        not unknown,
        f"the model has no tensor named {listed(unknown)}; name the backbone's tensors as the classifier "
        "does, so that it can take a classifier's weights",
    )
    count = sum(math.prod(shape) for shape in without_norms(parameters, "").values())
    require(
        count == declared.parameters,
        f"plugin.toml says feature_maps.parameters = {declared.parameters}, but without head and batch norms the model "
        f"has {count}; correct the number",
    )
    prefixes = [prefix for group in declared.freeze or subject.card.freeze for prefix in group]
    unmatched = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in parameters)]
    require(
        not unmatched,
        f"no parameter of the feature maps begins with {listed(unmatched)}, so a detector on them freezes nothing "
        "there; correct feature_maps.freeze, or write it where 'freeze' names the head",
    )
