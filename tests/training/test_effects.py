"""Each hyperparameter does what it says: turned, it changes what it names and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors.numpy import load_file
from vistry.errors import HyperparameterError, WeightsError
from vistry.runs.folder import Run
from vistry.task import behaviour_of
from vistry.training.engines.torch.engine import TorchEngine

BASE: dict[str, Any] = {"number_of_epochs": 3, "warmup_cosine_lr_warmup_epochs": 1, "precision": "fp32"}


@pytest.fixture
def train(digits: Path, runs: Path) -> Any:
    def call(model: str = "tiny", data: Path = digits, task: str = "multiclass", **settings: Any) -> Run:
        return vistry.train(data, task=task, model=model, **{**BASE, **settings}).run

    return call


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What reaches the engine: sizes of training batches, of predicted ones, and learning rates."""
    found: dict[str, list[Any]] = {"trained": [], "predicted": [], "rates": []}
    accumulate, predict, update = TorchEngine.accumulate, TorchEngine.predict, TorchEngine.update

    def accumulating(self: Any, batch: Any, share: float, step: int) -> Any:
        found["trained"].append(batch.images.shape)
        return accumulate(self, batch, share, step)

    def predicting(self: Any, images: Any, frames: Any) -> Any:
        found["predicted"].append(images.shape)
        return predict(self, images, frames)

    def updating(self: Any, rate: float) -> None:
        found["rates"].append(rate)
        update(self, rate)

    monkeypatch.setattr(TorchEngine, "accumulate", accumulating)
    monkeypatch.setattr(TorchEngine, "predict", predicting)
    monkeypatch.setattr(TorchEngine, "update", updating)
    return found


def test_number_of_epochs(train: Any) -> None:
    assert len(train(number_of_epochs=2).history()) == 2


def test_batch_sizes(train: Any, seen: dict[str, list[Any]]) -> None:
    train(number_of_epochs=1, training_batch_size=20, validation_batch_size=5)
    assert [shape[0] for shape in seen["trained"]] == [17, 17, 17]
    assert [shape[0] for shape in seen["predicted"]] == [5, 5, 3]


def test_gradient_accumulation_step(train: Any, seen: dict[str, list[Any]]) -> None:
    train(number_of_epochs=1, training_batch_size=8, gradient_accumulation_step=3)
    assert len(seen["trained"]) == 7
    assert len(seen["rates"]) == 3


def test_accumulation_longer_than_an_epoch_is_an_update_an_epoch(train: Any, seen: dict[str, list[Any]]) -> None:
    train(number_of_epochs=2, gradient_accumulation_step=100)
    assert len(seen["rates"]) == 2


def test_learning_rate_and_its_schedule(train: Any, seen: dict[str, list[Any]]) -> None:
    train(learning_rate=0.3, learning_rate_scheduler="step", step_lr_gamma=0.1, step_lr_step_size=2)
    assert seen["rates"] == pytest.approx([0.3] * 8 + [0.03] * 4)


def test_warm_up_epochs_and_cycles(train: Any, seen: dict[str, list[Any]]) -> None:
    train(learning_rate=0.4, warmup_cosine_lr_cycles=0.5)
    expected = [0, 0.1, 0.2, 0.3] + [0.2 * (1 + np.cos(np.pi * step / 8)) for step in range(8)]
    assert seen["rates"] == pytest.approx(expected)


def test_early_stopping(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = behaviour_of("image_classification")
    evaluate = task.evaluate

    def flat(*arguments: Any) -> dict[str, float]:
        return {**evaluate(*arguments), "accuracy": 0.5}

    monkeypatch.setattr(type(task), "evaluate", staticmethod(flat))
    settings = {"number_of_epochs": 12, "early_stopping_delay": 2, "early_stopping_patience": 3}
    stopped = train(**settings)
    assert len(stopped.history()) == 5
    assert stopped.status.reason == "no improvement in 3 evaluations"
    assert len(train(**settings, early_stopping=0).history()) == 12


def test_evaluation_frequency_always_evaluates_the_last_epoch(train: Any) -> None:
    evaluated = [entry.metrics is not None for entry in train(number_of_epochs=6, evaluation_frequency=2).history()]
    assert evaluated == [True, False, True, False, True, True]


def test_checkpoint_frequency(train: Any) -> None:
    kept = sorted(
        path.name for path in (train(number_of_epochs=5, checkpoint_frequency=2).folder / "checkpoints").iterdir()
    )
    assert kept == ["best.safetensors", "epoch_0002.safetensors", "epoch_0004.safetensors", "last.safetensors"]
    assert sorted(path.name for path in (train().folder / "checkpoints").iterdir()) == [
        "best.safetensors",
        "last.safetensors",
    ]


def test_checkpoint_run_id_starts_from_another_runs_weights(train: Any) -> None:
    first = train()
    second = train(checkpoint_run_id=first.id, learning_rate=0.0, number_of_epochs=1)
    ours, theirs = load_file(second.best_weights), load_file(first.best_weights)
    trained = [name for name in ours if not name.startswith("bn")]
    assert all((ours[name] == theirs[name]).all() for name in trained)
    assert second.record.initial_weights.run == str(first.folder)


def test_checkpoint_run_id_drops_the_head_for_other_classes(train: Any, multilabel: Path) -> None:
    first = train()
    second = train(
        data=multilabel, task="multilabel", checkpoint_run_id=first.id, learning_rate=0.0, number_of_epochs=1
    )
    ours, theirs = load_file(second.best_weights), load_file(first.best_weights)
    assert (ours["conv2.weight"] == theirs["conv2.weight"]).all()
    assert ours["head.weight"].shape == (2, 512)


def test_checkpoint_run_id_of_another_model_is_refused(train: Any) -> None:
    first = train()
    with pytest.raises(WeightsError, match="is a run of tiny/tiny, not of resnet/resnet18"):
        train(model="resnet18", checkpoint_run_id=first.id)
    with pytest.raises(HyperparameterError, match="can't be combined with checkpoint_run_id"):
        train(checkpoint_run_id=first.id, weights=str(first.best_weights))


def test_weights_are_where_training_starts(train: Any) -> None:
    first = train()
    second = train(weights=str(first.best_weights), learning_rate=0.0, number_of_epochs=1)
    assert (load_file(second.best_weights)["head.weight"] == load_file(first.best_weights)["head.weight"]).all()


def test_layers_to_freeze(train: Any) -> None:
    start = train(learning_rate=0.0, number_of_epochs=1, layers_to_freeze=2)
    after = train(learning_rate=0.3, layers_to_freeze=1)
    ours, theirs = load_file(after.best_weights), load_file(start.best_weights)
    still = {name for name in ours if (ours[name] == theirs[name]).all()}
    assert still == {name for name in ours if name.startswith(("conv1.", "bn1."))}


def test_sizes_of_the_crops(train: Any, seen: dict[str, list[Any]]) -> None:
    train(number_of_epochs=1, training_crop_size=24, validation_crop_size=20, validation_resize_size=30)
    assert {shape[1:] for shape in seen["trained"]} == {(24, 24, 3)}
    assert {shape[1:] for shape in seen["predicted"]} == {(20, 20, 3)}


def test_resize_decides_what_the_crop_shows(train: Any, digits: Path) -> None:
    run = train(number_of_epochs=1)
    image = str(digits / "digit0" / "00.png")
    from vistry.loading.augmentation import ValidationCrop
    from vistry.loading.views import ClassificationTransform

    near, far = ValidationCrop(32, 16)(image), ValidationCrop(16, 16)(image)
    assert (near != far).any()
    assert vistry.load(run.folder).eval_transform == ClassificationTransform(ValidationCrop(16, 16))


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"momentum": 0.1},
        {"nesterov": 0},
        {"weight_decay": 0.5},
        {"optimizer": "adamw", "beta1": 0.5},
        {"optimizer": "adamw", "beta2": 0.5},
        {"optimizer": "adamw", "ams_gradient": 1},
        {"random_seed": 9},
        {"precision": "bf16"},
    ],
)
def test_what_shapes_an_update_changes_the_weights(changes: dict[str, Any], train: Any) -> None:
    same = {"optimizer": changes["optimizer"]} if set(changes) - {"optimizer"} and "optimizer" in changes else {}
    base, changed = train(learning_rate=0.05, **same), train(learning_rate=0.05, **changes)
    ours, theirs = load_file(changed.last_state), load_file(base.last_state)
    assert (ours["model/head.weight"] != theirs["model/head.weight"]).any()


def test_deterministic_asks_torch_for_deterministic_algorithms(train: Any) -> None:
    import torch

    try:
        run = train(number_of_epochs=1, deterministic=1)
        assert torch.are_deterministic_algorithms_enabled()
        again = train(number_of_epochs=1, deterministic=1)
        assert run.best_weights.read_bytes() == again.best_weights.read_bytes()
        train(number_of_epochs=1)
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_number_of_workers_is_the_number_of_threads(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vistry.loading import batches
    from vistry.training import prediction as predicting

    pools: list[int] = []
    original = batches.ThreadPoolExecutor

    def counting(workers: int, **options: Any) -> Any:
        pools.append(workers)
        return original(workers, **options)

    monkeypatch.setattr(batches, "ThreadPoolExecutor", counting)
    monkeypatch.setattr(predicting, "ThreadPoolExecutor", counting)
    train(number_of_epochs=1, number_of_workers=3)
    assert pools == [3, 3]


def test_precision_and_its_reason_are_kept(train: Any) -> None:
    engine = train(number_of_epochs=1, precision="auto").status.engine
    assert engine.precision in ("fp32", "bf16")
    assert "bf16" in engine.precision_reason
    assert engine.parameters == engine.trainable_parameters == 16 * 27 + 32 + 32 * 144 + 64 + 513 * 4
