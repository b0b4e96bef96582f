"""The JAX engine against the torch engine on the same weights and batches, and against what must hold."""

from __future__ import annotations

import gc
from typing import Any

import jax
import numpy as np
import pytest
import torch
import vistry
from vistry.errors import HyperparameterError, TrainingError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch
from vistry.plugin import FreezingMap
from vistry.plugin.types import TrainingData
from vistry.registry.manifest import GradientClipping, PreprocessingSpec
from vistry.registry.part_specs import OptimizerSpec
from vistry.registry.parts import core_parts
from vistry.registry.plugin_code import WrongAnswerError
from vistry.task import behaviour_of
from vistry.training.engines import EngineSettings, engine_module
from vistry.training.engines.jax.engine import JaxEngine
from vistry.training.engines.jax.optimizer import make_optimizer
from vistry.training.engines.jax.precision import pick_precision

BASE = Hyperparameters.of(
    {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
        "beta1": 0.8,
        "beta2": 0.95,
        "ams_gradient": False,
        "precision": "fp32",
        "deterministic": False,
        "random_seed": 0,
        "weighted_loss": 2,
    }
)
DATA = TrainingData(("a", "b", "c"), (12, 4, 3), 19)
FREEZING = FreezingMap((("stem.",), ("body.",)))


def start_of(weights: dict[str, Any]) -> dict[str, Any]:
    """Values drawn for each name in turn, variances positive; counters are left out."""
    random = np.random.default_rng(0)
    drawn = {
        name: random.uniform(-0.3, 0.3, weights[name].shape).astype(np.float32)
        for name in sorted(weights)
        if not name.endswith("num_batches_tracked")
    }
    return {name: value + 1 if "running_var" in name else value for name, value in drawn.items()}


def engine_of(backend: str, model: str = "twin", task: str = "image_classification", **changes: Any) -> Any:
    """An engine with the same initial weights in both backends; keywords are hyperparameters or engine settings."""
    settings = {name: changes.pop(name) for name in ("clipping", "frozen_layers", "freezing", "log") if name in changes}
    values = BASE.changed(changes)
    behaviour = behaviour_of(task)
    module = vistry.create(model, task=task, num_classes=3, backend=backend)
    settings = EngineSettings(
        values, PreprocessingSpec(), **{"clipping": GradientClipping(at=1e9), "freezing": FREEZING, **settings}
    )
    engine = engine_module(backend).make(
        module, settings, behaviour.build_loss(values, backend, DATA), behaviour.postprocess
    )
    if model != "foreign":
        engine.load_weights(start_of(engine.weights()))
    return engine


def batch_of(count: int = 6, seed: int = 0, task: str = "image_classification") -> Batch:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    multilabel = task.endswith("multilabel")
    targets = random.integers(0, 2, (count, 3)).astype(np.float32) if multilabel else random.integers(0, 3, count)
    return Batch(images, targets, np.arange(count))


def trained(engine: Any, task: str = "image_classification", sizes: tuple[int, ...] = (6, 6, 6)) -> list[float]:
    """Losses of a few updates."""
    losses = []
    for step, size in enumerate(sizes):
        losses += engine.accumulate(batch_of(size, step, task), 1.0, step).values()
        engine.update(0.05)
    return losses


def assert_same(ours: Any, theirs: Any, tolerance: float = 2e-4) -> None:
    expected = theirs.weights()
    found = ours.weights()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


def test_an_engine_holds_its_weights_once() -> None:
    def numbers() -> int:
        gc.collect()
        return sum(array.size for array in jax.live_arrays())

    before = numbers()
    engine = engine_of("jax")
    weights = sum(value.size for value in engine.weights().values())
    assert numbers() - before < 1.2 * weights


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.0, "nesterov": False, "clipping": GradientClipping(by="norm", at=0.1)},
        {"clipping": GradientClipping(by="value", at=0.01), "weight_decay": 0.3},
        {"frozen_layers": 1},
        {"frozen_layers": 2, "freezing": FreezingMap((("stem.",), ("body.0.", "body.1.")), False)},
        {"task": "image_classification_multilabel"},
        {"task": "image_classification_multilabel", "weighted_loss": 0},
    ],
)
def test_updates_are_those_of_torch(changes: dict[str, Any]) -> None:
    task = changes.get("task", "image_classification")
    ours, theirs = engine_of("jax", **changes), engine_of("torch", **changes)
    np.testing.assert_allclose(trained(ours, task, (6, 5, 6)), trained(theirs, task, (6, 5, 6)), rtol=1e-4)
    assert_same(ours, theirs)
    images = batch_of(5, 9).images
    np.testing.assert_allclose(ours.predict(images), theirs.predict(images), atol=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize(
    ("changes", "make"),
    [
        ({}, lambda groups: torch.optim.SGD(groups, momentum=0.9, nesterov=True)),
        ({"nesterov": False, "momentum": 0.5}, lambda groups: torch.optim.SGD(groups, momentum=0.5)),
        ({"nesterov": False, "momentum": 0.0}, torch.optim.SGD),
        ({"optimizer": "adam"}, lambda groups: torch.optim.Adam(groups, betas=(0.8, 0.95))),
        ({"optimizer": "adamw"}, lambda groups: torch.optim.AdamW(groups, betas=(0.8, 0.95))),
        (
            {"optimizer": "adam", "ams_gradient": True},
            lambda groups: torch.optim.Adam(groups, betas=(0.8, 0.95), amsgrad=True),
        ),
        (
            {"optimizer": "adamw", "ams_gradient": True},
            lambda groups: torch.optim.AdamW(groups, betas=(0.8, 0.95), amsgrad=True),
        ),
    ],
)
def test_each_optimizer_steps_as_torchs(changes: dict[str, Any], make: Any, decay: float) -> None:
    random = np.random.default_rng(0)
    start = {name: random.standard_normal((4, 3), np.float32) for name in ("a.weight", "a.bias")}
    theirs = {name: torch.nn.Parameter(torch.from_numpy(value.copy())) for name, value in start.items()}
    groups = [
        {"params": [theirs["a.weight"]], "weight_decay": decay},
        {"params": [theirs["a.bias"]], "weight_decay": 0.0},
    ]
    expected = make(groups)
    values = BASE.changed({"weight_decay": decay, **changes})
    part = core_parts(OptimizerSpec)[values.optimizer]
    optimizer = make_optimizer(values, part, GradientClipping(at=1.5), {"a.weight"})
    ours: Any = start
    state = optimizer.init(ours)
    for rate in (0.0, 0.1, 0.05, 0.2):
        gradients = {name: 2 ** random.uniform(-3, 3) * random.standard_normal((4, 3), np.float32) for name in start}
        gradients = {name: value.astype(np.float32) for name, value in gradients.items()}
        steps, state = optimizer.update(gradients, state, ours)
        ours = {name: value - rate * np.asarray(steps[name]) for name, value in ours.items()}
        for group in expected.param_groups:
            group["lr"] = rate
        for name, parameter in theirs.items():
            parameter.grad = torch.from_numpy(gradients[name]).clip(-1.5, 1.5)
        expected.step()
    for name, parameter in theirs.items():
        np.testing.assert_allclose(ours[name], parameter.detach().numpy(), rtol=1e-4, atol=2e-6)


def test_accumulated_batches_are_those_of_torch() -> None:
    ours, theirs = engine_of("jax"), engine_of("torch")
    for engine in (ours, theirs):
        for update in range(2):
            for part, size in enumerate((6, 5, 5)):
                engine.accumulate(batch_of(size, 3 * update + part), size / 16, part)
            engine.update(0.05)
    assert_same(ours, theirs)


def test_a_smaller_batch_is_padded_and_needs_no_other_program() -> None:
    lines: list[str] = []
    padded, whole = engine_of("jax", log=lines.append), engine_of("jax")
    padded.accumulate(batch_of(6), 0.0, 0)
    whole.accumulate(batch_of(4), 0.0, 0)
    for engine in (padded, whole):
        engine.load_weights(engine_of("jax").weights())
        engine.accumulate(batch_of(4, 1), 1.0, 1)
        engine.update(0.05)
        engine.predict(batch_of(4, 2).images)
    assert_same(padded, whole, 1e-5)
    assert len(padded.predict(batch_of(3, 2).images)) == 3
    assert [line.split(",")[0] for line in lines] == [
        "compiling the training step",
        "compiling the optimiser",
        "compiling the prediction",
    ]
    assert padded.facts().compile_seconds > 0


def test_another_rate_needs_no_other_program() -> None:
    lines: list[str] = []
    engine = engine_of("jax", log=lines.append)
    for step, rate in enumerate((0.0, 0.1, 0.2)):
        engine.accumulate(batch_of(seed=step), 1.0 - step / 4, step)
        engine.update(rate)
    assert len(lines) == 2


@pytest.mark.parametrize("changes", [{}, {"optimizer": "adam"}, {"optimizer": "adamw", "ams_gradient": True}])
def test_state_goes_out_and_in_without_a_bit_changed(changes: dict[str, Any]) -> None:
    first, second = (engine_of("jax", "twin_dropout", **changes) for _ in range(2))
    trained(first, sizes=(6, 5))
    second.load_state({name: value.copy() for name, value in first.state().items()})
    for engine in (first, second):
        engine.accumulate(batch_of(5, 7), 1.0, 7)
        engine.update(0.05)
    for name, value in first.weights().items():
        np.testing.assert_array_equal(value, second.weights()[name], err_msg=name)
    for name, value in first.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)


def test_the_optimisers_state_has_the_parameters_names() -> None:
    engine = engine_of("jax", optimizer="adam", frozen_layers=1)
    trained(engine, sizes=(6,))
    names = {name.removeprefix("optimizer/") for name in engine.state() if name.startswith("optimizer/")}
    assert {"count", "head.weight.mu", "head.weight.nu", "body.1.bias.mu", "batch_size"} <= names
    assert not any(name.startswith("stem.") for name in names)


def test_frozen_parameters_and_their_batch_norm_do_not_move() -> None:
    engine = engine_of("jax", frozen_layers=2)
    before = engine.weights()
    trained(engine)
    moved = {name for name, value in engine.weights().items() if (value != before[name]).any()}
    assert moved == {"head.weight", "head.bias"}
    assert engine.facts().trainable_parameters == 32 * 3 + 3


def test_freezing_what_is_not_there_is_an_error() -> None:
    with pytest.raises(HyperparameterError, match="3 is more than the 2 layers .* use at most 2"):
        engine_of("jax", frozen_layers=3)
    with pytest.raises(WrongAnswerError, match=r"the prefix 'stern\.', which matches no parameter"):
        engine_of("jax", frozen_layers=1, freezing=FreezingMap((("stern.",),)))


def test_dropout_is_drawn_from_seed_and_step() -> None:
    engine, other = (engine_of("jax", "twin_dropout", random_seed=seed) for seed in (0, 1))
    first, again, later = (engine.accumulate(batch_of(), 1.0, step) for step in (1, 1, 2))
    assert first == again
    assert first != later
    assert first != other.accumulate(batch_of(), 1.0, 1)


def test_bf16_rounds_what_fp32_does_not_and_keeps_its_weights_in_float32() -> None:
    engines = {precision: engine_of("jax", precision=precision) for precision in ("fp32", "bf16")}
    for engine in engines.values():
        trained(engine)
        assert {value.dtype for name, value in engine.weights().items() if "num" not in name} == {np.dtype("float32")}
    assert_same(engines["bf16"], engines["fp32"], 0.03)
    outputs = [engine.predict(batch_of().images) for engine in engines.values()]
    assert (outputs[0] != outputs[1]).any()
    np.testing.assert_allclose(outputs[0], outputs[1], atol=0.03)


def test_the_precision_and_why() -> None:
    processor = jax.devices("cpu")[0]
    with pytest.raises(HyperparameterError, match="fp16 needs its gradients scaled.*use bf16"):
        pick_precision("fp16", processor)
    assert pick_precision("bf16", processor) == ("bf16", "as asked")
    assert pick_precision("auto", processor)[0] == "fp32"


@pytest.mark.parametrize(
    ("platform", "capability", "expected"), [("gpu", "9.0", "bf16"), ("gpu", "7.5", "fp32"), ("tpu", None, "bf16")]
)
def test_auto_takes_bf16_where_the_device_has_it(platform: str, capability: str | None, expected: str) -> None:
    class Device:
        pass

    device: Any = Device()
    device.platform = platform
    if capability:
        device.compute_capability = capability
    assert pick_precision("auto", device)[0] == expected


def test_flaxs_own_layers_train_under_their_own_names() -> None:
    engine = engine_of("jax", "foreign", frozen_layers=1, freezing=FreezingMap((("conv.",), ("norm.",))))
    names = set(engine.weights())
    assert names == {f"{layer}.{part}" for layer, part in (
        ("conv", "kernel"), ("conv", "bias"), ("norm", "scale"), ("norm", "bias"), ("norm", "mean"), ("norm", "var"),
        ("head", "kernel"), ("head", "bias"),
    )}  # fmt: skip
    before = engine.weights()
    losses = trained(engine, sizes=(6,) * 3)
    assert np.isfinite(losses).all()
    moved = {name for name, value in engine.weights().items() if (value != before[name]).any()}
    assert moved == {name for name in names if not name.startswith("conv.")}


def test_decay_shrinks_weights_and_nothing_else() -> None:
    from flax import nnx
    from vistry.flax_layers import BatchNorm, LayerNorm, Linear
    from vistry.training.engines.jax.module import decayed_names

    class WithToken(nnx.Module):
        def __init__(self) -> None:
            self.token = nnx.Param(np.zeros(3))
            self.norm = LayerNorm(3)
            self.bn = BatchNorm(3)
            self.linear = Linear(3, 3, random=np.random.default_rng(0))
            self.theirs = nnx.Linear(3, 3, rngs=nnx.Rngs(0))
            self.theirs_bn = nnx.BatchNorm(3, rngs=nnx.Rngs(0))

    assert decayed_names(WithToken()) == {"norm.weight", "linear.weight", "theirs.kernel"}


def test_weights_that_do_not_fit_are_a_sentence() -> None:
    engine = engine_of("jax")
    with pytest.raises(TrainingError, match=r"the saved weights don't fit the model: missing \['body.0.weight'"):
        engine.load_weights({"head.weight": np.zeros((3, 32), np.float32)})


def test_the_module_that_was_handed_in_is_left_alone() -> None:
    module = vistry.create("twin", task="multiclass", num_classes=3, backend="jax")
    settings = EngineSettings(BASE, PreprocessingSpec())
    loss = behaviour_of("image_classification").build_loss(BASE, "jax", DATA)
    engine = JaxEngine(module, settings, loss, behaviour_of("image_classification").build_postprocess(BASE))
    trained(engine, sizes=(6, 6))
    assert np.isfinite(np.asarray(module(np.zeros((1, 16, 16, 3), np.float32)))).all()
