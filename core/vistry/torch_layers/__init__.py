"""Parts that torch models of several families are built from.

Plugins import these names from here, and not from the files below; each is loaded when it is used, so that importing
the package costs no tensor library. `resolve_norm`, `norm_kind` and the hooks need none at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.torch_layers.anchors import Anchors as Anchors
    from vistry.torch_layers.backbone_norm import norm_kind as norm_kind
    from vistry.torch_layers.backbone_norm import resolve_norm as resolve_norm
    from vistry.torch_layers.exportable_two_stage import ExportableTwoStage as ExportableTwoStage
    from vistry.torch_layers.nms import detections_at as detections_at
    from vistry.torch_layers.nms import exportable_nms as exportable_nms
    from vistry.torch_layers.nms import padded_detections as padded_detections
    from vistry.torch_layers.norms import GroupNorm as GroupNorm
    from vistry.torch_layers.norms import exchanged as exchanged
    from vistry.torch_layers.norms import with_norms as with_norms
    from vistry.torch_layers.precision import with_low_precision as with_low_precision
    from vistry.torch_layers.precision import with_single_precision as with_single_precision
    from vistry.torch_layers.pyramid import Pyramid as Pyramid
    from vistry.torch_layers.region_pooling import RegionPooling as RegionPooling
    from vistry.torch_layers.shared_hooks import feature_maps_of_children as feature_maps_of_children
    from vistry.torch_layers.shared_hooks import vistry_resolve_auto as vistry_resolve_auto
    from vistry.torch_layers.stages import Stages as Stages
    from vistry.torch_layers.two_stage import TwoStage as TwoStage
    from vistry.torch_layers.two_stage import pyramid_pooling as pyramid_pooling
    from vistry.torch_layers.two_stage import two_stage_arguments as two_stage_arguments

_HOMES = {
    "Anchors": "vistry.torch_layers.anchors",
    "ExportableTwoStage": "vistry.torch_layers.exportable_two_stage",
    "Pyramid": "vistry.torch_layers.pyramid",
    "RegionPooling": "vistry.torch_layers.region_pooling",
    "Stages": "vistry.torch_layers.stages",
    "TwoStage": "vistry.torch_layers.two_stage",
    "GroupNorm": "vistry.torch_layers.norms",
    "exchanged": "vistry.torch_layers.norms",
    "detections_at": "vistry.torch_layers.nms",
    "exportable_nms": "vistry.torch_layers.nms",
    "feature_maps_of_children": "vistry.torch_layers.shared_hooks",
    "norm_kind": "vistry.torch_layers.backbone_norm",
    "padded_detections": "vistry.torch_layers.nms",
    "pyramid_pooling": "vistry.torch_layers.two_stage",
    "resolve_norm": "vistry.torch_layers.backbone_norm",
    "two_stage_arguments": "vistry.torch_layers.two_stage",
    "vistry_resolve_auto": "vistry.torch_layers.shared_hooks",
    "with_low_precision": "vistry.torch_layers.precision",
    "with_norms": "vistry.torch_layers.norms",
    "with_single_precision": "vistry.torch_layers.precision",
}
__all__ = list(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
