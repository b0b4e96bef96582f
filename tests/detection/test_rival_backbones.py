"""A stranger's classifiers of the same names: the default detector stays, and runs predict with their own backbone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import RegistryError, WeightsError
from vistry.inference.load import load
from vistry.runs.folder import Run

COMPOSED = "retinanet_tinybone_fpn"
CLASSIFIER = '\n[models.{name}]\nsummary = "A stranger\'s"\nparameters = 10\n'
MAPS = """[models.tinybone.feature_maps]
channels = [8, 16, 24, 32]
strides = [4, 8, 16, 32]
parameters = 12312
"""
HOOKS = """
from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model():
    raise RuntimeError("a stranger's model was built")

@hookimpl
def vistry_build_feature_maps():
    raise RuntimeError("a stranger's maps were built")
"""


@pytest.fixture
def rival(lay_out: Callable[..., Path]) -> Callable[..., Path]:
    """Lay out a stranger's plugin with models called resnet50, without maps, and tinybone."""

    def lay_out_rival(maps: str = "") -> Path:
        return lay_out("acme", model="resnet50", more=CLASSIFIER.format(name="tinybone") + maps, hooks=HOOKS)

    return lay_out_rival


def command(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def predicted(run: Run, shapes: dict[str, Path]) -> list[list[float]]:
    images = sorted(shapes["detection"].parent.glob("[0-3].png"))
    return [[box["score"] for box in found["boxes"]] for found in vistry.predict(run.folder, images)]


def test_the_default_detector_is_listed_shown_and_planned(rival: Any, shapes: dict[str, Path]) -> None:
    rival()
    listed = command("models", "--task", "detection")["models"]
    [default] = [model for model in listed if "image_object_detection" in model["default_for"]]
    assert (default["full_name"], default["backbone"]) == ("fasterrcnn/fasterrcnn_resnet50_fpn", "resnet/resnet50")
    assert command("models", "show", "fasterrcnn_resnet50_fpn")["model"] == default
    small = [
        "--min_size",
        "64",
        "--max_size",
        "96",
        "--training_batch_size",
        "1",
        "--precision",
        "fp32",
        "--weights",
        "none",
    ]
    data = str(shapes["detection"])
    plan = CliRunner().invoke(main, ["train", "--dry-run", "--task", "detection", "--data", data, *small])
    assert plan.exit_code == 0, plan.stderr
    assert "fasterrcnn/fasterrcnn_resnet50_fpn" in plan.stdout


@pytest.mark.parametrize("maps", ["", MAPS])
def test_a_run_predicts_resumes_and_is_built_upon(
    trained: Callable[..., Any], shapes: dict[str, Path], rival: Any, maps: str, tmp_path: Path, quick: dict[str, Any]
) -> None:
    run = trained(COMPOSED).run
    assert run.record.model.backbone == "tinybone/tinybone"
    before = predicted(run, shapes)
    rival(maps)
    assert {card.name for card in vistry.models(name="retinanet_*tinybone*")} == (
        {"retinanet_tinybone.tinybone_fpn", "retinanet_acme.tinybone_fpn"} if maps else {COMPOSED}
    )
    for ours, theirs in zip(predicted(run, shapes), before, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert vistry.evaluate(run.folder, shapes["detection"]).images
    model = "retinanet_tinybone.tinybone_fpn" if maps else COMPOSED
    start = {**quick, "checkpoint_run_id": str(run.folder), "number_of_epochs": 2}
    stopped = vistry.train(
        shapes["detection"], task="detection", model=model, output=tmp_path / "new", time_limit=1e-6, **start
    ).run
    assert vistry.resume(stopped.folder).run.status.status == "completed"
    if maps:
        with pytest.raises(WeightsError, match="is a run of retinanet/retinanet_tinybone_fpn on tinybone/tinybone,"):
            vistry.train(shapes["detection"], task="detection", model="retinanet_acme.tinybone_fpn", **start)


def test_a_run_whose_backbone_is_gone_says_which(
    trained: Callable[..., Any], rival: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(COMPOSED).run
    rival(MAPS)
    monkeypatch.setenv("VISTRY_DISABLE", "tinybone")
    assert vistry.model(COMPOSED).to_dict()["backbone"] == "acme/tinybone"
    with pytest.raises(RegistryError) as caught:
        load(run.folder)
    assert str(caught.value) == (
        f"the model 'retinanet/{COMPOSED}' was trained on the backbone 'tinybone/tinybone', whose plugin is disabled: "
        f"disabled by VISTRY_DISABLE; take it out of VISTRY_DISABLE; run {run.id} was trained with vistry-retinanet "
        f"{run.record.model.version}; see: vistry plugins"
    )


def test_a_run_without_a_record_of_its_backbone_is_read_as_before(
    trained: Callable[..., Any], shapes: dict[str, Path], rival: Any, tmp_path: Path
) -> None:
    run = trained(COMPOSED).run
    older = Run(shutil.copytree(run.folder, tmp_path / "older"))
    content = json.loads((older.folder / "run.json").read_text())
    del content["model"]["backbone"]
    (older.folder / "run.json").write_text(json.dumps(content))
    rival()
    assert predicted(older, shapes) == predicted(run, shapes)
