"""What the files of a run folder hold, one record a file. `json_records` reads and writes them.

The names of the fields are the keys on disk, which is schema 1: a field may be added, with a default, and none changes
its meaning. Epochs and batches count from 0 here; people are shown them from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vistry.evaluation.confidence_interval import Interval
from vistry.registry.field_spec import Scalar
from vistry.registry.manifest import PreprocessingSpec
from vistry.registry.parts import PartRecord

# run.json: what was trained on what. Written once, before the first update.


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """The model, and the distribution that provided it; of a composed model, the full name of its backbone, too."""

    name: str
    full_name: str
    distribution: str
    version: str
    backbone: str = ""


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """How images were divided: `way` is drawn, given (the data's own splits), apart (validation data of its own) or
    fold (one of several folds validates).

    With `group_by`, a column or a pattern: how many groups there are, how many of them validate, and how many images
    belong to none.
    """

    way: str
    group_by: str | None = None
    groups: int | None = None
    validation_groups: int | None = None
    ungrouped: int | None = None

    def __str__(self) -> str:
        text = {
            "drawn": "drawn",
            "given": "the data's own splits",
            "apart": "validation data of its own",
            "fold": "one of several folds",
        }.get(self.way, self.way)
        if self.group_by is None:
            return text + (", by class" if self.way == "drawn" else "")
        text += f", by {self.group_by}: {self.groups} groups"
        if self.validation_groups is not None:
            text += f", {self.validation_groups} of them for validation"
        return text + (f"; {self.ungrouped} images in no group" if self.ungrouped else "")


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The images: where they came from and how many there are; `training_class_counts` are images of each class.

    `validation_source` is where the validation images came from, where they lay apart from the others. `split` is how
    they were divided; runs of earlier versions don't say.
    """

    source: str
    training_images: int
    validation_images: int
    training_class_counts: tuple[int, ...]
    validation_source: str | None = None
    split: SplitRecord | None = None


@dataclass(frozen=True, kw_only=True)
class InitialWeightsRecord:
    """The file or the folder of the run that the first weights came from; both None where they are random.

    `name` is what the model's plugin calls the file's weights, where it publishes them. Then `source` is where they are
    published, `sha256` the file's, and `revision` the commit of the repository that it is of, as far as that is known.
    """

    file: str | None
    run: str | None
    name: str | None = None
    source: str | None = None
    sha256: str | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """run.json: all that resuming, predicting and evaluating need to know beside the hyperparameters.

    `parts` are the optimiser, the schedule, ... that came from a plugin.
    """

    id: str
    task: str
    backend: str
    model: ModelRecord
    classes: tuple[str, ...]
    primary_metric: str
    preprocessing: PreprocessingSpec
    data: DataRecord
    initial_weights: InitialWeightsRecord
    command: tuple[str, ...]
    versions: Mapping[str, str]
    created: str
    parts: tuple[PartRecord, ...] = ()


# status.json: how far the run is. Written when training begins and when it ends.


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The tensor library and the device, the precision and why it was chosen, the number of parameters."""

    backend: str
    backend_version: str
    device: str
    precision: str
    precision_reason: str
    parameters: int
    trainable_parameters: int
    compile_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """status.json: `status` is running, completed, stopped, interrupted, failed, or (never on disk) killed.

    `epochs` is how many were trained. What isn't known yet is None. `interval` is of the best score, and
    `absent_classes` are those that no validation image has. `threads` is how many compute: with another number sums are
    made in another order, and the bits are others.
    """

    status: str
    reason: str
    started: str
    finished: str | None = None
    engine: EngineFacts | None = None
    process_id: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    best_score: float | None = None
    interval: Interval | None = None
    absent_classes: tuple[str, ...] = ()
    threads: int | None = None


# metrics.jsonl: a line an epoch.


@dataclass(frozen=True, kw_only=True)
class EpochEntry:
    """One epoch: the mean training loss, the learning rate of its last update, seconds, and validation metrics.

    `metrics` and `evaluation_seconds` are None where the epoch was not evaluated.
    """

    epoch: int
    train_loss: float
    learning_rate: float
    train_seconds: float
    metrics: Mapping[str, float] | None = None
    evaluation_seconds: float | None = None


# hyperparameters.json


@dataclass(frozen=True, kw_only=True)
class HyperparameterRecord:
    """A resolved value, where it was set, and whether the user set it."""

    value: Scalar | None
    origin: str
    given: bool


@dataclass(frozen=True, kw_only=True)
class HyperparametersRecord:
    """hyperparameters.json: every hyperparameter by name."""

    values: Mapping[str, HyperparameterRecord]


# findings.json: what the doctor reported of the data, a diagnosis a file or folder.


@dataclass(frozen=True, kw_only=True)
class FindingRecord:
    """Something that is wrong with the data, its place where it has one, and what to do; `count` where grouped."""

    check: str
    severity: str
    message: str
    remedy: str
    file: str | None = None
    line: int | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class QuarantineRecord:
    """An image that was left out, and why; or an object of it, and the image stayed."""

    image: str
    reason: str
    check: str
    object: bool = False


@dataclass(frozen=True, kw_only=True)
class DiagnosisRecord:
    """One data set: counts of images by class and split, findings, and what was left out.

    `objects` counts by class, and is None where labels are of whole images.
    """

    path: str
    task: str
    format: str
    images: int
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    findings: tuple[FindingRecord, ...]
    quarantined: tuple[QuarantineRecord, ...]
    objects: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class FindingsRecord:
    """findings.json: the diagnosis of each data set that the run reads."""

    diagnoses: tuple[DiagnosisRecord, ...]


# thresholds.json: above which scores a class is predicted, where `vistry threshold` has chosen any.


@dataclass(frozen=True, kw_only=True)
class FiguresRecord:
    """Precision, recall and F1 on the validation images with their 95 % intervals; None where undefined."""

    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    precision_interval: tuple[float, float] | None = None
    recall_interval: tuple[float, float] | None = None
    f1_interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class OperatingPointRecord:
    """One choice: what it was for, the threshold, and what that gives on the validation images.

    `aim` is precision, recall or f1, `target` the least of it that was wanted. `class_name` is None for all classes
    together.
    """

    aim: str
    threshold: float
    figures: FiguresRecord
    target: float | None = None
    class_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThresholdsRecord:
    """thresholds.json: the threshold of each class, in the order of the outputs, and the choices it comes from.

    A class is predicted where its score is greater than its threshold; classes that nobody chose one for have the
    task's own. `epoch` is that of the weights, counted from 0, `images` how many the points were chosen on.
    `iou_threshold` is from which overlap on a detection was a hit.
    """

    thresholds: Mapping[str, float]
    points: tuple[OperatingPointRecord, ...]
    epoch: int
    images: int
    iou_threshold: float | None = None


# The header of a checkpoint, by its `kind`.


@dataclass(frozen=True, kw_only=True)
class BestFacts:
    """Of best.safetensors and predictions.safetensors: the best epoch and its metrics on `images` images."""

    epoch: int
    primary_metric: str
    metrics: Mapping[str, float]
    images: int
    kind: str = "best"


@dataclass(frozen=True, kw_only=True)
class EpochFacts:
    """Of epoch_0004.safetensors: its epoch."""

    epoch: int
    kind: str = "epoch"


@dataclass(kw_only=True)
class Position:
    """How far training is: the next batch of the present epoch, and that epoch's sums so far."""

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    images: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class BestEpoch:
    """The best evaluation so far, and how many since then brought no improvement."""

    epoch: int | None = None
    score: float | None = None
    without_improvement: int = 0


@dataclass(frozen=True, kw_only=True)
class LastFacts:
    """Of last.safetensors: all that resuming needs beside tensors."""

    position: Position
    best: BestEpoch
    history: tuple[EpochEntry, ...]
    kind: str = "last"


CheckpointFacts = BestFacts | EpochFacts | LastFacts
