"""A zoo of models with published weights, of which some are on this machine, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from vistry.data.split_origins import Division
from vistry.data.table import Table
from vistry.errors import TrainingError
from vistry.registry.catalogue import Catalogue
from vistry.runs.records import SplitRecord
from vistry.sweep.automatic import survey as survey_module
from vistry.sweep.automatic.candidates import Candidates
from vistry.sweep.automatic.measuring import Measured, Probed
from vistry.sweep.automatic.survey import Survey
from vistry.sweep.request import Limits, SweepRequest
from vistry.sweep.space import Values
from vistry.training.plan import Request, Splits

TASK = "image_classification"
MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A zoo for tests"
tasks = ["image_classification"]
backends = ["torch"]
"""
MODEL = """
[models.{name}]
summary = "A model for tests"
parameters = {parameters}
tags = ["{kind}"]
"""
FREEZE = 'freeze = [["stem."], ["stage1."], ["stage2."], ["stage3."]]\n'
WEIGHTS = """weights.imagenet.source = "{source}"
weights.imagenet.size = {size}
weights.imagenet.license = "MIT"
weights.imagenet.classes = 1000
"""


@dataclass(frozen=True, kw_only=True)
class Animal:
    """A model of the zoo: its published figure, whether its weights are here, and seconds of a step of 16 images.

    With `freezes` it has four layers to freeze; then an image is predicted in a third of the time it trains in.
    """

    top1: float | None = None
    is_here: bool = True
    parameters: int = 1_000_000
    kind: str = ""
    size: int = 5_000_000
    seconds: float = 0.1
    probe: float = 0.5
    error: str = ""
    has_weights: bool = True
    freezes: bool = False
    source: str = "https://example.invalid/{name}.safetensors"


Zoo = Callable[[Mapping[str, Animal]], Catalogue]


@pytest.fixture
def zoo(lay_out: Callable[..., Path], no_policy: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Zoo:
    """Install a plugin with these models, and no other."""

    def install(animals: Mapping[str, Animal]) -> Catalogue:
        weights = tmp_path / "weights"
        weights.mkdir()
        monkeypatch.setenv("VISTRY_WEIGHTS", str(weights))
        manifest = MANIFEST
        for place, (name, one) in enumerate(animals.items()):
            digits = f"{place:08x}"
            manifest += MODEL.format(name=name, parameters=one.parameters, kind=one.kind or name)
            manifest += FREEZE if one.freezes else ""
            if not one.has_weights:
                continue
            manifest += WEIGHTS.format(source=one.source.format(name=f"{name}-{digits}"), size=one.size)
            if one.source.startswith("https:"):
                manifest += f'weights.imagenet.sha256 = "{digits}"\n'
            if one.top1 is not None:
                manifest += f"weights.imagenet.metrics = {{ imagenet1k = {{ top1 = {one.top1} }} }}\n"
            if one.is_here:
                (weights / f"{name}-{digits}.safetensors").write_bytes(b"")
        others = {plugin.name for plugin in Catalogue.read().plugins}
        monkeypatch.setenv("VISTRY_DISABLE", ",".join(sorted(others)))
        lay_out("zoo", manifest=manifest)
        return Catalogue.read()

    return install


@dataclass
class FakeProcess:
    """Answers as the animals are; `measured` and `probed` list what was asked for."""

    animals: Mapping[str, Animal]
    measured: list[tuple[str, Values]] = field(default_factory=list)
    probed: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """It needs nothing."""

    def measure(self, model: str, values: Values, seconds: float) -> Measured:
        """What its seconds say, for the batch of the values and forty images."""
        self.measured.append((model, values))
        one = self.animals[model.partition("/")[2]]
        if one.error:
            raise TrainingError(one.error)
        step = one.seconds / 16 * int(str(values["training_batch_size"]))
        return Measured(
            step_seconds=step,
            epoch_seconds=one.seconds * 5,
            latency=one.seconds / (48 if one.freezes else 24),
            memory=100,
            parameters=one.parameters,
            model_size=4 * one.parameters,
        )

    def probe(self, model: str, values: Values, *, images: int, seconds: float) -> Probed:
        """Its accuracy."""
        self.probed.append(model)
        return Probed(accuracy=self.animals[model.partition("/")[2]].probe, images=images)


@pytest.fixture
def splits(table_of: Callable[..., Table]) -> Splits:
    """Forty images of two classes to train on, and eight to validate."""
    training = table_of([[row % 2] for row in range(40)], classes=2)
    validation = table_of([[row % 2] for row in range(8)], classes=2)
    division = Division(len(training), len(validation))
    return Splits(training, validation, (), split=SplitRecord(way="drawn"), division=division)


@pytest.fixture
def survey_of(zoo: Zoo, splits: Splits, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Survey]:
    """A survey of a zoo, whose process is a fake and whose weights nobody reads."""
    monkeypatch.setattr(Survey, "_check_weights", lambda *_: None)
    monkeypatch.setattr(survey_module, "MEASURED_SHARE", 1e6)  # a busy machine has its minute

    def make(animals: Mapping[str, Animal], *, may_fetch: bool = False, **options: Any) -> Survey:
        request = SweepRequest(
            training=Request(data=Path("data"), task=TASK),
            limits=Limits(time_limit=options.pop("time_limit", None)),
            **options,
        )
        candidates = Candidates(zoo(animals), TASK, "torch", constraints=request.constraints, may_fetch=may_fetch)
        process: Any = FakeProcess(animals)
        return Survey(
            request=request, task=TASK, candidates=candidates, splits=splits, process=process, say=lambda _: None
        )

    return make
