"""What normalises in the backbone of a detector, as its `backbone_norm` says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def resolve_norm(hyperparameters: Mapping[str, Any], weight_names: Collection[str]) -> dict[str, Any]:
    """What `backbone_norm = "auto"` means for the weights of these names: their own statistics, frozen.

    Where they have none, or there are no weights, group norm: the statistics of two images are a poor sample, and group
    norm (Wu and He, 2018) learns faster without; docs/explanation/differences.md has what was measured.
    """
    if hyperparameters["backbone_norm"] != "auto":
        return {}
    has_statistics = any(name.endswith("running_mean") for name in weight_names)
    return {"backbone_norm": "frozen" if has_statistics else "group"}


def norm_kind(hyperparameters: Mapping[str, Any]) -> str:
    """Which norms to build: "frozen", "batch" or "group".

    A run of before "auto" was settled has frozen statistics where it began from weights, else batch norm.
    """
    asked: str = hyperparameters["backbone_norm"]
    if asked != "auto":
        return asked
    fresh = hyperparameters["weights"] == "none" and hyperparameters["checkpoint_run_id"] is None
    return "batch" if fresh else "frozen"
