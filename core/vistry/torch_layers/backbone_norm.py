"""The norms in a detector's backbone, by its hyperparameter `backbone_norm`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def resolve_norm(hyperparameters: Mapping[str, Any], weight_names: Collection[str]) -> dict[str, Any]:
    """Resolve `backbone_norm = "auto"` for initial weights of these names; return the values to change.

    Weights with running statistics keep them frozen. Others, and a training from scratch, have group norm (Wu and He,
    2018): the statistics of two images are a poor sample, and group norm learns faster
    without. docs/explanation/differences.md has the measurements.
    """
    if hyperparameters["backbone_norm"] != "auto":
        return {}
    has_statistics = any(name.endswith("running_mean") for name in weight_names)
    return {"backbone_norm": "frozen" if has_statistics else "group"}


def norm_kind(hyperparameters: Mapping[str, Any]) -> str:
    """Return the norms to build: "frozen", "batch" or "group".

    Early runs recorded "auto" unresolved. Those have frozen norms if they began from weights, else batch norms.
    """
    kind: str = hyperparameters["backbone_norm"]
    if kind != "auto":
        return kind
    fresh = hyperparameters["weights"] == "none" and hyperparameters["checkpoint_run_id"] is None
    return "batch" if fresh else "frozen"
