"""What an exporter is given: a trained model, what is known of it, and the check that its answers have to pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import file_digest
from importlib.metadata import version

from vistry.errors import VistryError
from vistry.export.check_images import CheckImages
from vistry.export.parity import Answer, compared
from vistry.inference.exported_record import ExportedRecord, ImageContentsRecord, ParityRecord, Preprocessing
from vistry.inference.run_predictor import LoadedRun
from vistry.plugin.types import Module
from vistry.registry.field_spec import Scalar, to_json
from vistry.registry.plugin_code import is_of_core
from vistry.runs.folder import Run
from vistry.runs.image_contents import read_image_contents
from vistry.task.classification import CropInput
from vistry.task.detection import DetectionInput

# Beside those that a schema marks: what predicting and evaluating ask for, too.
OF_PREDICTION = (
    "validation_batch_size",
    "number_of_workers",
    "random_seed",
    "validation_metric_type",
    "validation_iou_threshold",
)


@dataclass(frozen=True, kw_only=True)
class ExportableModel:
    """A run's model with its best weights, as an exporter is given it.

    `preprocessing` is "in" where the export takes images as they are, "out" where it takes the network's own input.
    `opset` is the version of ONNX's operators that was asked for. `images` are those that the export is checked on.
    """

    loaded: LoadedRun = field(repr=False)
    preprocessing: Preprocessing
    opset: int
    images: CheckImages

    @property
    def run(self) -> Run:
        """The run."""
        return self.loaded.run

    def network(self) -> Module:
        """Return a copy of the torch module on the processor, in float32 and in evaluation mode.

        It takes images [N, 3, H, W] normalised as (value / 255 - mean) / std.
        """
        import copy

        import torch

        network = copy.deepcopy(self.loaded.engine.model)
        return network.to("cpu", memory_format=torch.contiguous_format).eval().requires_grad_(False)

    def record(self, parity: ParityRecord | None = None, versions: Mapping[str, str] | None = None) -> ExportedRecord:
        """Return what an exported file says of itself; `versions` are those of an exporter's own packages."""
        run, context = self.run.record, self.loaded.context
        best, thresholds = self.loaded.best, self.loaded.thresholds
        contents = read_image_contents(self.run.folder)
        of_images = {split: ImageContentsRecord.of(one) for split, one in contents.items()} if contents else None
        with self.run.best_weights.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return ExportedRecord(
            run=self.run.id,
            task=run.task,
            model=run.model.full_name,
            backbone=run.model.backbone,
            labels=run.classes,
            preprocessing=self.preprocessing,
            normalisation=run.preprocessing,
            hyperparameters=self._hyperparameters(),
            thresholds=None if thresholds is None else tuple(thresholds.tolist()),
            primary_metric=run.primary_metric,
            metrics={} if best is None else dict(best.metrics),
            weights_sha256=digest,
            opset=self.opset,
            versions={"vistry": version("vistry"), context.card.distribution: context.card.version, **(versions or {})},
            parts=run.parts,
            parity=parity,
            image_contents=of_images,
        )

    def check(self, answer: Answer) -> ParityRecord:
        """Compare an exported model's answers with the run's, and return by how much they differ.

        `answer` takes the pixels [H, W, 3] uint8 of an image and returns its prediction, as the task has it. Raises
        ParityError where they differ by more than they may.
        """
        return compared(self.loaded, answer, self.images)

    def require_own_postprocessing(self) -> None:
        """Raise VistryError where the plugin makes predictions in a way that only its code knows."""
        if not is_of_core(self.loaded.context.postprocess()):
            raise self._only_in_code("vistry_build_postprocess")

    def require_own_input(self) -> None:
        """Raise VistryError where the plugin prepares images in a way that only its code knows."""
        if not isinstance(self.loaded.context.input(), CropInput | DetectionInput):
            raise self._only_in_code("vistry_build_input")

    def _only_in_code(self, hook: str) -> VistryError:
        return VistryError(
            f"{self.loaded.context.card.full_name} can't be exported: its plugin has a {hook} of its own, whose code "
            "an exported file can't have"
        )

    def _hyperparameters(self) -> dict[str, Scalar | None]:
        context = self.loaded.context
        fields = context.schema.fields
        names = [name for name in context.hyperparameters if name in fields and fields[name].spec.at_prediction]
        names += [name for name in OF_PREDICTION if name in context.hyperparameters and name not in names]
        return {name: to_json(context.hyperparameters[name]) for name in names}
