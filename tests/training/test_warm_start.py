"""A training that starts from a run with other classes: what was learned of a class goes where its name is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from safetensors.numpy import load_file
from vistry.evaluation.detection.types import Detections
from vistry.registry.catalogue import Catalogue
from vistry.runs.folder import Run
from vistry.testing.model_subject import ModelSubject, resize_infos
from vistry.testing.samples import varied_image
from vistry.training.events import Listener
from vistry.training.initial_weights import head_by_class_name
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays

BASE: dict[str, Any] = {"model": "tiny", "number_of_epochs": 1, "precision": "fp32", "learning_rate": 0.0}
Build = Callable[[str, Mapping[str, int]], Path]


@pytest.fixture
def coloured(tmp_path: Path) -> Build:
    """Eight images a class, each class of one grey level."""

    def build(name: str, levels: Mapping[str, int]) -> Path:
        for label, level in levels.items():
            folder = tmp_path / name / label
            folder.mkdir(parents=True)
            for index in range(8):
                Image.new("RGB", (16, 16), (level + index,) * 3).save(folder / f"{index}.png")
        return tmp_path / name

    return build


class Notes(Listener):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


def start_from(run: Run, data: Path, listener: Listener, **options: Any) -> Run:
    settings = {**BASE, "checkpoint_run_id": str(run.folder), **options}
    return vistry.train(data, task="multiclass", listeners=[listener], **settings).run


def learned(run: Run) -> dict[str, Any]:
    return load_file(run.best_weights)


def test_fault_06_rows_of_the_head_follow_the_names(runs: Path, coloured: Build, notes: Notes) -> None:
    first = vistry.train(coloured("pets", {"cat": 20, "dog": 200}), task="multiclass", **{**BASE, "learning_rate": 0.1})
    turned = coloured("turned", {"dog": 200, "kater": 20, "zebra": 90})
    second = start_from(first.run, turned, notes, random_seed=1)
    before, after = learned(first.run), learned(second)
    assert second.record.classes == ("dog", "kater", "zebra")
    assert (after["head.weight"][0] == before["head.weight"][1]).all()
    assert after["head.bias"][0] == before["head.bias"][1]
    assert not np.isin(after["head.weight"][1:], before["head.weight"]).any()
    assert any(
        f"the head of {first.run.id}: 1 of 3 classes taken over by name; new: kater, zebra" in x for x in notes.heard
    )


def test_classes_that_were_learned_are_still_told_apart(runs: Path, coloured: Build, notes: Notes) -> None:
    data = coloured("pets", {"cat": 20, "dog": 200})
    first = vistry.train(data, task="multiclass", **{**BASE, "learning_rate": 0.05, "number_of_epochs": 8})
    assert first.metrics["accuracy"] == 1.0
    second = start_from(first.run, coloured("more", {"ant": 110, "cat": 20, "dog": 200}), notes)
    for label, other in (("cat", "dog"), ("dog", "cat")):
        for found in vistry.predict(second.folder, sorted((data / label).iterdir())[:3]):
            scores = dict(zip(found["labels"], found["probs"], strict=True))
            assert scores[label] > scores[other]


def test_a_file_of_a_run_is_known_by_its_folder(runs: Path, coloured: Build, notes: Notes) -> None:
    first = vistry.train(coloured("pets", {"cat": 20, "dog": 200}), task="multiclass", **{**BASE, "learning_rate": 0.1})
    data = coloured("turned", {"b": 20, "cat": 20, "dog": 200})
    options = {"checkpoint_run_id": None, "weights": str(first.run.best_weights)}
    second = start_from(first.run, data, notes, **options)
    assert (learned(second)["head.weight"][1:] == learned(first.run)["head.weight"]).all()


def test_nothing_is_said_where_the_classes_are_the_same(runs: Path, coloured: Build, notes: Notes) -> None:
    data = coloured("pets", {"cat": 20, "dog": 200})
    first = vistry.train(data, task="multiclass", **BASE)
    start_from(first.run, data, notes)
    assert not [note for note in notes.heard if "taken over" in note or "newly" in note]


SMALLEST = [
    ("mobilenetv2", "torch"),
    ("mobilenetv2", "jax"),
    ("resnet18", "torch"),
    ("resnet18", "jax"),
    ("resnest50", "torch"),
    ("seresnext", "torch"),
    ("vits16r224", "torch"),
    ("test_resnet", "torch"),
    ("yolov5", "torch"),
    ("yolov5", "jax"),
    ("retinanet_resnet18_fpn", "torch"),
    ("fasterrcnn_resnet18_fpn", "torch"),
    ("maskrcnn_resnet18_fpn", "torch"),
    ("dfine_n", "torch"),
    ("deimv2_atto", "torch"),
    ("rfdetr_nano", "torch"),
]
BEFORE, AFTER = ("a", "b", "c"), ("c", "a", "b")


def test_every_family_is_among_those_that_follow() -> None:
    families = {card.family for card in Catalogue.read().cards if "tiny" not in card.family}
    assert {vistry.model(name).family for name, _ in SMALLEST} >= families - {"twin"}


@pytest.mark.parametrize(("model", "backend"), SMALLEST)
def test_fault_06_turning_the_names_turns_the_predictions(model: str, backend: str) -> None:
    card = vistry.model(model)
    values: dict[str, Any] = {"box_score_threshold": 0, "model_size": "small", "weights": "none"}
    context = ModelSubject(Catalogue.read(), card, card.tasks[0], backend, least_side=64).context(**values)
    engine = context.engine_module
    module = context.module(len(BEFORE))
    fresh = engine.arrays_of(module)
    old = with_noise(fresh, set(head_by_class_name(context, fresh, fresh, names=(BEFORE, AFTER))[0]))
    moved, taken = head_by_class_name(context, fresh, old, names=(BEFORE, AFTER))
    assert (taken.taken, taken.new, taken.fresh) == (AFTER, (), ())
    place = np.array([AFTER.index(name) for name in BEFORE])
    for found, expected in zip(outputs(context, {**old, **moved}), outputs(context, old), strict=True):
        if isinstance(expected, Detections):
            assert len(set(expected.labels.tolist())) > 1
            for before, after in enumerate(place):
                ours, theirs = (
                    np.sort(one.scores[one.labels == label]) for one, label in ((found, after), (expected, before))
                )
                np.testing.assert_allclose(ours, theirs, atol=1e-4)
        else:
            np.testing.assert_allclose(np.asarray(found)[place], np.asarray(expected), atol=1e-4)
            assert np.ptp(np.asarray(expected)) > 1e-3


def with_noise(tensors: Arrays, head: set[str]) -> Arrays:
    """Tensors whose head has something to say: at random it gives all classes much the same."""
    random = np.random.default_rng(0)
    noise = {name: (random.normal(0, 0.1, tensors[name].shape)).astype(np.float32) for name in sorted(head)}
    return {**tensors, **{name: tensors[name] + noise[name] for name in head}}


def outputs(context: ModelContext, weights: Arrays) -> list[Any]:
    module = context.module(len(BEFORE))
    engine = context.prediction_engine(module, context.preprocessing(), len(BEFORE))
    engine.load_weights(weights)
    images = varied_image(context.input().input_size(training=False))
    return list(engine.predict(images, resize_infos(context, images)))
