"""The schema of `plugin.toml`: the facts of a plugin, readable without running any of its code."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from vistry.registry.field_spec import FieldSpec, Restriction, Scalar, TaskKey
from vistry.registry.names import Attribute as Attribute
from vistry.registry.names import Name as Name
from vistry.registry.names import Reference as Reference
from vistry.registry.part_specs import (
    AugmentationSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    ReaderSpec,
    ScheduleSpec,
    check_names,
)
from vistry.registry.tasks import TASK_NAMES
from vistry.registry.typed_toml import InvalidKeyError, matching, one_of, positive

# Major and minor: a plugin works with every later minor of its major.
API = (1, 0)
BACKENDS = ("torch", "jax")
WRAPPABLE_HOOKS = (
    "vistry_build_model",
    "vistry_freezing_map",
    "vistry_default_hyperparameters",
    "vistry_check_hyperparameters",
    "vistry_build_loss",
    "vistry_build_postprocess",
    "vistry_preprocessing",
    "vistry_map_weights",
    "vistry_kernels",
    "vistry_build_feature_maps",
    "vistry_build_input",
    "vistry_fit_to_data",
    "vistry_resolve_auto",
    "vistry_rate_factors",
    "vistry_build_exportable",
)
DEVICES = ("cpu", "cuda", "mps", "xpu")
DTYPES = ("float64", "float32", "bfloat16", "float16")
Cast = Literal["widest", "first", "float32", "none"]


def _must_be_full_name(text: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9_]*/[a-z0-9][a-z0-9_.-]*", text):
        return ""
    is_short = re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", text)
    return "must be a model's full name, 'family/model'" + (
        f"; write 'FAMILY/{text}' with the family that `vistry models show {text}` prints" if is_short else ""
    )


ModelName = Annotated[str, matching(r"[a-z0-9][a-z0-9_.-]*", "a name of lower-case letters, digits, _, . and -")]
ComposedName = Annotated[str, matching(r"[a-z0-9_.-]*\{backbone\}[a-z0-9_.-]*", "a name with {backbone} in it")]
FullName = Annotated[str, _must_be_full_name]
Hash = Annotated[str, matching(r"[0-9a-f]{8}([0-9a-f]{56})?", "all 64 hexadecimal digits, or the first 8")]
WeightsSource = Annotated[
    str,
    matching(
        r"https?://\S+"
        r"|package:[A-Za-z_]\w*(/(?!\.\.?(/|$))[^/\\]+)+"
        r"|hub:[\w.-]+/[\w.-]+(@[\w.-]+)?(/(?!\.\.?(/|$))[^/\\]+)*/[^/\\]+\.safetensors",
        "an https:// address, 'package:NAME/FILE' for a file inside an installed package, or "
        "'hub:OWNER/NAME[@REVISION]/FILE.safetensors' for a file of a repository on the Hugging Face Hub",
    ),
]
CLASS_LISTS = ("imagenet1k", "coco", "coco90", "coco91", "objects365")
ClassNames = Annotated[
    str,
    matching(
        "|".join(CLASS_LISTS) + r"|package:[A-Za-z_]\w*(/(?!\.\.?(/|$))[^/\\]+)+",
        f"{', '.join(CLASS_LISTS)} or 'package:NAME/FILE' for a text file with a name a line in an installed package",
    ),
]
JsonFile = Annotated[
    str, matching(r"[\w-][\w.-]*(/[\w-][\w.-]*)*\.json", "a JSON file beside plugin.toml, such as 'models.json'")
]
DataSet = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9_-]*", "a data set's name, of lower-case letters, digits, _ and -, such as imagenet1k"),
]
Paper = Annotated[
    str,
    matching(
        r"https?://\S+|arXiv:\d{4}\.\d{4,5}",
        "an https:// address, or an identifier of arXiv's such as arXiv:1706.03762",
    ),
]
WeightsName = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9_]*", "a name of lower-case letters, digits and _, not beginning with _"),
]
Tag = Annotated[str, matching(r"[a-z0-9][a-z0-9_-]*", "a word of lower-case letters, digits, _ and -")]
Version = Annotated[str, matching(r"\d+\.\d+", "of the form '1.0'")]
Wrapped = Annotated[str, one_of(WRAPPABLE_HOOKS, "hook")]
Scope = Annotated[str, one_of((*TASK_NAMES, "*"), "task")]
Backend = Annotated[str, one_of(BACKENDS, "backend")]
Device = Annotated[str, one_of(DEVICES, "device")]
Dtype = Annotated[str, one_of(DTYPES, "dtype")]
Defaults = dict[Scope, dict[Name, Scalar]]


def _json_able(table: dict[str, Any]) -> str:
    """What is wrong with a table that JSON can't hold: TOML also has dates, infinity and nan."""
    for name, value in table.items():
        if stranger := _not_json(value):
            return f"holds {stranger} in '{name}', which JSON has no form for; write it as text"
    return ""


def _not_json(value: object) -> str:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return next(filter(None, map(_not_json, parts)), "")
    if isinstance(value, float):
        return "" if math.isfinite(value) else str(value)
    return "" if isinstance(value, str | int) else str(value)


Metadata = Annotated[dict[str, Any], _json_able]


@dataclass(frozen=True, kw_only=True)
class PreprocessingSpec:
    """How pixels are normalised: (value / 255 - mean) / std, for R, G and B."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class HubFile(NamedTuple):
    """A file of a repository on the Hugging Face Hub; without a revision, of its main branch."""

    repository: str
    revision: str | None
    file: str


@dataclass(frozen=True, kw_only=True)
class WeightsSpec:
    """Published weights: where they are, how to know them, and under which licence.

    `metrics` has their figures as published, by data set: `{"imagenet1k": {"top1": 69.758}}`. `size` is the file's, in
    bytes. `class_names` is the list of what its outputs mean: a known data set's, or a file's. `default` marks the set
    that a training starts from unless the user says otherwise. `preprocessing` is what they were trained with, where
    the model's own is another.
    """

    source: WeightsSource
    license: str
    sha256: Hash = ""
    size: int | None = None
    classes: int | None = None
    class_names: ClassNames = ""
    default: bool = False
    preprocessing: PreprocessingSpec | None = None
    metrics: dict[DataSet, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A repository's file is known by its revision, and by a hash where the manifest states one.
        if not self.sha256 and not self.source.startswith("hub:"):
            raise InvalidKeyError("is missing, and only a file on a hub can do without; add sha256 = ...", ("sha256",))

    @property
    def package_and_file(self) -> tuple[str, str] | None:
        """The installed package that carries the file, and the file's path in it; None for an address."""
        kind, _, place = self.source.partition(":")
        package, _, file = place.partition("/")
        return (package, file) if kind == "package" else None

    @property
    def hub_file(self) -> HubFile | None:
        """The file of a repository on a hub that the source names; None for other sources."""
        kind, _, place = self.source.partition(":")
        if kind != "hub":
            return None
        owner, name, file = place.split("/", 2)
        name, _, revision = name.partition("@")
        return HubFile(f"{owner}/{name}", revision or None, file)


@dataclass(frozen=True, kw_only=True)
class GradientClipping:
    """Gradients are clipped before each optimiser step, by value or by their global norm."""

    by: Literal["value", "norm"] = "value"
    at: Annotated[float, positive] = 5.0


@dataclass(frozen=True, kw_only=True)
class MovingAverage:
    """The average of a model's weights over its updates, which is then evaluated and saved in place of them.

    After u updates it moves by 1 - decay * (1 - exp(-u / updates)) of the way to the weights of the moment. In a
    training of few updates `updates` is shortened, so that the average at its end is of its last tenth.
    """

    decay: Annotated[float, positive]
    updates: Annotated[float, positive] = 2000.0

    def __post_init__(self) -> None:
        if self.decay >= 1:
            raise ValueError("'decay' must be below 1: at 1 the average would never move")


@dataclass(frozen=True, kw_only=True)
class ClassRows:
    """How the first axis of a head's tensors is divided among the classes.

    It has `repeats` equal parts, one an anchor for example. A part has `before` rows that belong to no class, such as a
    background, then `each` rows for every class, and `after` rows that again belong to none. A model of fewer than
    `at_least` classes learns nothing in them.
    """

    repeats: Annotated[int, positive] = 1
    before: int = 0
    each: Annotated[int, positive] = 1
    at_least: Annotated[int, positive] = 1
    after: int = 0

    def __post_init__(self) -> None:
        for name in ("before", "after"):
            if getattr(self, name) < 0:
                raise ValueError(f"'{name}' must be at least 0")

    def length(self, num_classes: int) -> int:
        """The number of rows for so many classes."""
        return self.repeats * (self.before + self.each * num_classes + self.after)


@dataclass(frozen=True, kw_only=True)
class KernelSpec:
    """A fast implementation of an operation on torch tensors, and how far it may be off.

    `implementation` and `reference` are called with the same tensors and give one tensor. `tolerance` has, for each
    dtype the kernel takes, the largest error of its output and of each gradient as a share of the largest value.
    `samples(dtype, device)` gives the arguments of several calls, over which the two are compared. `cast` is the rule
    by which the floating-point tensors of a call are brought to one dtype before either of the two sees them.
    """

    operation: Name
    summary: str
    devices: tuple[Device, ...]
    implementation: Attribute
    reference: Attribute
    samples: Attribute
    tolerance: dict[Dtype, Annotated[float, positive]]
    cast: Cast = "widest"

    @property
    def serves(self) -> tuple[tuple[str, str], ...]:
        """Each pair of a device and a dtype that it can be used for."""
        return tuple((device, dtype) for device in self.devices for dtype in self.tolerance)


@dataclass(frozen=True, kw_only=True)
class FeatureMapsSpec:
    """What a model offers detectors: its maps from fine to coarse, by channels and strides in pixels.

    `parameters` are those of the network without its head and its batch norms. `freeze` are groups of prefixes as a
    detector freezes them, the model's own if left out; the first `frozen_layers` stay still in a pretrained detector
    unless the user says how many.
    """

    channels: tuple[Annotated[int, positive], ...]
    strides: tuple[Annotated[int, positive], ...]
    parameters: Annotated[int, positive]
    freeze: tuple[tuple[str, ...], ...] = ()
    frozen_layers: int = 0

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.strides) or sorted(set(self.strides)) != list(self.strides):
            raise ValueError("'strides' must rise, one for each of 'channels'")


@dataclass(frozen=True, kw_only=True)
class CompositionSpec:
    """A family of models, one on each backbone that offers feature maps at these strides.

    `name` and `summary` say {backbone} where its name goes. For `classes` classes, a model has `parameters` and
    `parameters_per_channel` for each channel of those maps, beside the backbone's own; batch norms not counted.
    """

    name: ComposedName
    summary: str
    strides: tuple[Annotated[int, positive], ...]
    parameters: Annotated[int, positive]
    classes: Annotated[int, positive]
    parameters_per_channel: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model of a family. What is left out is taken from the family's own keys.

    A model with a `backbone`, which is another model's full name, is one of the family's `composition`, written down
    for what is particular to it. `parameters` are counted for `classes`.
    """

    summary: str
    parameters: Annotated[int, positive]
    classes: int | None = None
    backbone: FullName = ""
    feature_maps: FeatureMapsSpec | None = None
    tasks: tuple[TaskKey, ...] = ()
    backends: tuple[Backend, ...] = ()
    default_for: tuple[TaskKey, ...] = ()
    args: dict[str, Any] = field(default_factory=dict)
    weights: dict[WeightsName, WeightsSpec] = field(default_factory=dict)
    freeze: tuple[tuple[str, ...], ...] = ()
    defaults: Defaults = field(default_factory=dict)
    restrict: dict[Name, Restriction] = field(default_factory=dict)
    preprocessing: PreprocessingSpec | None = None
    tags: tuple[Tag, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    paper: Paper = ""


@dataclass(frozen=True, kw_only=True)
class CataloguedModel(ModelSpec):
    """A model of the file at `path`, which a manifest names as its `catalogue`.

    One that `yields` answers to its short name only where no other plugin has a model of that name.
    """

    path: Path
    yields: bool = False


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A whole `plugin.toml`; `models` also has those of the file that is its `catalogue`."""

    manifest: Literal[1]
    api: Version
    license: str
    summary: str
    hooks: Reference = ""
    wraps: tuple[Wrapped, ...] = ()
    computes_defaults: bool = False
    computes_kernels: bool = False
    tasks: tuple[TaskKey, ...] = ()
    backends: tuple[Backend, ...] = ()
    freeze: tuple[tuple[str, ...], ...] = ()
    preprocessing: PreprocessingSpec = field(default_factory=PreprocessingSpec)
    gradient_clipping: GradientClipping = field(default_factory=GradientClipping)
    moving_average: MovingAverage | None = None
    checkpoint_notice: str = ""
    hyperparameters: dict[Name, FieldSpec] = field(default_factory=dict)
    exclude: dict[Name, str] = field(default_factory=dict)
    restrict: dict[Name, Restriction] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=dict)
    kernels: tuple[KernelSpec, ...] = ()
    optimizers: dict[Name, OptimizerSpec] = field(default_factory=dict)
    schedules: dict[Name, ScheduleSpec] = field(default_factory=dict)
    readers: dict[Name, ReaderSpec] = field(default_factory=dict)
    metrics: dict[Name, MetricSpec] = field(default_factory=dict)
    losses: dict[Name, LossSpec] = field(default_factory=dict)
    augmentations: dict[Name, AugmentationSpec] = field(default_factory=dict)
    composition: CompositionSpec | None = None
    tags: tuple[Tag, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    models: dict[ModelName, ModelSpec] = field(default_factory=dict)
    catalogue: JsonFile = ""
    class_rows: dict[str, ClassRows] = field(default_factory=dict)
    paper: Paper = ""

    def __post_init__(self) -> None:
        if not self.hooks and (self.models or self.catalogue or self.wraps):
            raise InvalidKeyError("is missing, and its models or wrappers need it; add hooks = ...", ("hooks",))
        check_names(self)
        if self.composition and not (self.tasks and self.backends):
            raise ValueError("[composition] needs 'tasks' and 'backends' at the top of the file")
        for name, model in self.models.items():
            tasks = model.tasks or self.tasks
            if not tasks:
                raise ValueError(f"model '{name}' has no tasks: set 'tasks' there or at the top of the file")
            if not (model.backends or self.backends):
                raise ValueError(f"model '{name}' has no backends: set 'backends' there or at the top of the file")
            if model.backbone and self.composition is None:
                raise ValueError(f"model '{name}' has a backbone, and the file no [composition]")
            for key in ("feature_maps", "freeze", "preprocessing") if model.backbone else ():
                if getattr(model, key):
                    raise ValueError(f"model '{name}' has a backbone, whose '{key}' it takes: leave out its own")
            if strange := set(model.default_for) - set(tasks):
                raise ValueError(f"model '{name}' is the default for {min(strange)}, which is not one of its tasks")
