"""The plugin API: all that a plugin imports from core, beside the layers, the kernels and the kit.

`vistry.plugin.detection` has more for detectors that prepare their own images. Names are loaded when they are used, so
that importing a hooks module costs no tensor library.
`docs/reference/plugin-api.md` lists each with its signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.data.images.decode import Pixels as Pixels
    from vistry.data.images.decode import load_pixels as load_pixels
    from vistry.data.offsets import offsets_from_counts as offsets_from_counts
    from vistry.data.offsets import segment_ids as segment_ids
    from vistry.data.table import Table as Table
    from vistry.errors import Problem as Problem
    from vistry.evaluation.detection.score_floor import score_floor as score_floor
    from vistry.evaluation.detection.types import Detections as Detections
    from vistry.loading.batches import Batch as Batch
    from vistry.loading.batches import ImageBatch as ImageBatch
    from vistry.loading.batches import Rows as Rows
    from vistry.loading.batches import TrainingDataset as TrainingDataset
    from vistry.loading.batches import epoch_order as epoch_order
    from vistry.loading.batches import even_batches as even_batches
    from vistry.loading.views import EvalTransform as EvalTransform
    from vistry.loading.views import ImageView as ImageView
    from vistry.loading.views import ResizeInfo as ResizeInfo
    from vistry.plugin.hooks import hookimpl as hookimpl
    from vistry.plugin.types import Backbone as Backbone
    from vistry.plugin.types import FittedTensors as FittedTensors
    from vistry.plugin.types import FreezingMap as FreezingMap
    from vistry.plugin.types import Input as Input
    from vistry.plugin.types import Loss as Loss
    from vistry.plugin.types import Module as Module
    from vistry.plugin.types import Postprocess as Postprocess
    from vistry.plugin.types import Predictions as Predictions
    from vistry.plugin.types import StateDict as StateDict
    from vistry.plugin.types import Tensor as Tensor
    from vistry.plugin.types import TrainingData as TrainingData
    from vistry.plugin.types import Values as Values
    from vistry.registry.cards import ModelCard as ModelCard
    from vistry.registry.manifest import KernelSpec as KernelSpec
    from vistry.registry.manifest import Manifest as Manifest
    from vistry.registry.manifest import PreprocessingSpec as PreprocessingSpec
    from vistry.task.hook_answers import task_input as task_input
    from vistry.task.hook_answers import task_loss as task_loss
    from vistry.task.hook_answers import task_postprocess as task_postprocess

_HOMES = {
    "Backbone": "vistry.plugin.types",
    "Batch": "vistry.loading.batches",
    "Detections": "vistry.evaluation.detection.types",
    "EvalTransform": "vistry.loading.views",
    "FittedTensors": "vistry.plugin.types",
    "FreezingMap": "vistry.plugin.types",
    "ImageBatch": "vistry.loading.batches",
    "ImageView": "vistry.loading.views",
    "Input": "vistry.plugin.types",
    "KernelSpec": "vistry.registry.manifest",
    "Loss": "vistry.plugin.types",
    "Manifest": "vistry.registry.manifest",
    "ModelCard": "vistry.registry.cards",
    "Module": "vistry.plugin.types",
    "Pixels": "vistry.data.images.decode",
    "Postprocess": "vistry.plugin.types",
    "Predictions": "vistry.plugin.types",
    "PreprocessingSpec": "vistry.registry.manifest",
    "Problem": "vistry.errors",
    "ResizeInfo": "vistry.loading.views",
    "Rows": "vistry.loading.batches",
    "StateDict": "vistry.plugin.types",
    "Table": "vistry.data.table",
    "Tensor": "vistry.plugin.types",
    "TrainingData": "vistry.plugin.types",
    "TrainingDataset": "vistry.loading.batches",
    "Values": "vistry.plugin.types",
    "epoch_order": "vistry.loading.batches",
    "even_batches": "vistry.loading.batches",
    "hookimpl": "vistry.plugin.hooks",
    "load_pixels": "vistry.data.images.decode",
    "offsets_from_counts": "vistry.data.offsets",
    "score_floor": "vistry.evaluation.detection.score_floor",
    "segment_ids": "vistry.data.offsets",
    "task_input": "vistry.task.hook_answers",
    "task_loss": "vistry.task.hook_answers",
    "task_postprocess": "vistry.task.hook_answers",
}
__all__ = list(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
