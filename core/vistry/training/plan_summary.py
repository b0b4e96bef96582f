"""What a plan says to its reader before the training starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from vistry.training.plan import Plan


@dataclass(frozen=True)
class PlanSummary:
    """The facts of a plan.

    `parameters_with_its_own_head` is the model's count in the manifest, with the classes it was published for. `start`
    is the file or the run of the initial weights, or "random weights". `updates` counts those of all epochs.
    `split` is how the images were divided, `split_origins` what assigns the images of each split to it. `quarantined`
    has an entry for each image that was left out. `task_reason` says why the task was taken where nobody named it.
    """

    task: str
    model: str
    parameters_with_its_own_head: int
    primary_metric: str
    classes: Mapping[str, int]
    training_images: int
    validation_images: int
    steps_per_epoch: int
    updates: int
    start: str
    hyperparameters: Mapping[str, Mapping[str, object]]
    warnings: tuple[str, ...]
    quarantined: tuple[Mapping[str, object], ...]
    split: str
    format: str
    task_reason: str
    split_origins: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan) -> PlanSummary:
        """Summarise a plan; `classes` has the number of training images with each."""
        return cls(
            task=plan.context.task.name,
            model=plan.context.card.full_name,
            parameters_with_its_own_head=plan.context.card.parameters,
            primary_metric=plan.primary_metric,
            classes=dict(zip(plan.classes, plan.data_summary.class_counts, strict=True)),
            training_images=len(plan.training),
            validation_images=len(plan.validation),
            steps_per_epoch=plan.batches_per_epoch,
            updates=plan.updates,
            start=plan.initial_weights.label,
            hyperparameters=plan.hyperparameters.to_dict(),
            warnings=tuple(plan.warnings()),
            quarantined=tuple(
                finding.quarantine_entry() for diagnosis in plan.diagnoses for finding in diagnosis.quarantined
            ),
            split=str(plan.split),
            format=plan.diagnoses[0].table.format,
            task_reason=plan.task_reason,
            split_origins=plan.division.origins(plan.diagnoses[0].table),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the summary as plain JSON values."""
        return {**asdict(self), "warnings": list(self.warnings), "quarantined": list(self.quarantined)}
