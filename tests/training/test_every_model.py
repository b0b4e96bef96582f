"""Each classifier trains, is interrupted, goes on, is evaluated and predicts, on the smallest images it takes."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from timm.models import vision_transformer
from torch import Tensor, nn
from vistry.inference import run_predictor
from vistry.inference.given import Given
from vistry.inference.predictor import Predictor
from vistry.runs.folder import Run
from vistry.training.events import BatchEnded, Listener
from vistry.training.interruption import Interrupted
from vistry.training.session import resume

MULTICLASS, MULTILABEL = TASKS = ("image_classification", "image_classification_multilabel")
# The tasks differ in targets and loss alone: the light networks do both, the others one in turn.
CASES = {
    "mobilenetv2": TASKS,
    "resnest50": (MULTICLASS,),
    "resnest101": (MULTILABEL,),
    "resnet18": TASKS,
    "resnet34": (MULTILABEL,),
    "resnet50": (MULTICLASS,),
    "resnet101": (MULTILABEL,),
    "resnet152": (MULTICLASS,),
    "seresnext": (MULTILABEL,),
    "vits16r224": TASKS,
    "vitb16r224": (MULTILABEL,),
    "vitl16r224": (MULTICLASS,),
}
# They have the blocks of a smaller one in other numbers.
LARGER = ("resnest101", "resnet34", "resnet101", "resnet152", "vitb16r224", "vitl16r224")
TRAINED_BY_THE_KIT = ("resnest50", "seresnext")
EACH = [
    pytest.param(model, task, marks=pytest.mark.long if model in LARGER + TRAINED_BY_THE_KIT else ())
    for model, tasks in CASES.items()
    for task in tasks
]


@pytest.fixture(scope="module")
def few(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four images of each of two digits, as a folder a class and with labels in JSON Lines."""
    root = tmp_path_factory.mktemp("few")
    lines = []
    for digit in ("digit0", "digit1"):
        (root / "folders" / digit).mkdir(parents=True)
        for image in sorted((digits / digit).iterdir())[:4]:
            shutil.copy(image, root / "folders" / digit)
            lines.append(json.dumps({"image_url": str(image), "label": ["round"] if digit == "digit0" else ["long"]}))
    (root / "labels.jsonl").write_text("\n".join(lines))
    return dict(zip(TASKS, (root / "folders", root / "labels.jsonl"), strict=True))


class CtrlC(Listener):
    """Presses Ctrl-C in the first step."""

    def batch_ended(self, event: BatchEnded) -> None:
        signal.raise_signal(signal.SIGINT)


def _normal_where_torch_has_no_own(tensor: Tensor, std: float) -> Tensor:
    return tensor if tensor.ndim == 2 else nn.init.normal_(tensor, std=std)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare what costs most and isn't in question: truncated normal weights, loading twice."""
    monkeypatch.setattr(vision_transformer, "trunc_normal_", _normal_where_torch_has_no_own)
    load, loaded = run_predictor._loaded, {}

    def once(run: Run, backend: str | None, given: Given) -> Predictor:
        key = (run.folder, backend, str(given))
        if key not in loaded:
            loaded[key] = load(run, backend, given)
        return loaded[key]

    monkeypatch.setattr(run_predictor, "_loaded", once)


def settings(model: str) -> dict[str, Any]:
    pixels = 224 if model == "seresnext" else 32
    found: dict[str, Any] = {
        "number_of_epochs": 1,
        "training_batch_size": 3,
        "validation_batch_size": 2,
        "learning_rate": 0.001,
        "precision": "fp32",
        "weights": "none",
        "warmup_cosine_lr_warmup_epochs": 1,
        "validation_crop_size": pixels,
        "training_crop_size": pixels,
    }
    if model != "seresnext":
        found["validation_resize_size"] = pixels
    if model == "vitl16r224":
        found["layers_to_freeze"] = 25
    return found


def test_every_classifier_is_here() -> None:
    assert {card.name for task in TASKS for card in vistry.models(task=task)} >= set(CASES)


@pytest.mark.parametrize(("model", "task"), EACH)
@pytest.mark.usefixtures("_quick", "runs")
def test_it_trains_goes_on_is_evaluated_and_predicts(model: str, task: str, few: dict[str, Path]) -> None:
    with pytest.raises(Interrupted):
        vistry.train(few[task], task=task, model=model, listeners=[CtrlC()], **settings(model))
    finished = resume("last")
    assert finished.outcome.status == "completed"
    assert np.isfinite(finished.run.history()[0].train_loss)

    evaluation = vistry.evaluate("last", few[task], include_training=True)
    assert evaluation.images == 8
    assert 0 <= evaluation.metrics[evaluation.primary_metric] <= 1
    [answer] = vistry.predict("last", next((few[TASKS[0]] / "digit0").iterdir()))
    assert len(answer["probs"]) == 2
    shutil.rmtree(finished.run.folder)
