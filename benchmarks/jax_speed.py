"""Steps a second of both engines on the same model and batch, and of the same network in Flax and in Keras.

The one in Flax is written the usual way, below. Keras's is that of KerasHub (ResNet) or of Keras itself (MobileNetV2),
on JAX; it takes part where keras_hub is installed. In one process, in turn, on one core, medians of pairs:
`python benchmarks/jax_speed.py [--models resnet18 mobilenetv2] [--sizes 64 128] [--batch 8] [--pairs 5] [--json]`.
Compiling isn't counted; its seconds are shown beside.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from vistry.hyperparameter.schema import Source
from vistry.loading.batches import Batch
from vistry.plugin.types import TrainingData
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext

CLASSES = 10
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class Activated(nnx.Module):
    """Flax's own convolution and batch norm, and an activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        rngs: nnx.Rngs,
        groups: int = 1,
        activation: Callable[[jax.Array], jax.Array] = jax.nn.relu,
    ):
        size = (kernel, kernel)
        self.conv = nnx.Conv(
            inputs,
            outputs,
            size,
            strides=stride,
            padding=kernel // 2,
            feature_group_count=groups,
            use_bias=False,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(outputs, momentum=0.9, rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.activation(self.norm(self.conv(x)))


def as_is(x: jax.Array) -> jax.Array:
    return x


class Residual(nnx.Module):
    """ResNet's basic block."""

    def __init__(self, inputs: int, outputs: int, stride: int, rngs: nnx.Rngs):
        self.first = Activated(inputs, outputs, 3, stride, rngs)
        self.second = Activated(outputs, outputs, 3, 1, rngs, activation=as_is)
        changes = stride != 1 or inputs != outputs
        self.shortcut = Activated(inputs, outputs, 1, stride, rngs, activation=as_is) if changes else as_is

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.relu(self.second(self.first(x)) + self.shortcut(x))


class InvertedResidual(nnx.Module):
    """MobileNetV2's block."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, rngs: nnx.Rngs):
        wide = inputs * expansion
        self.widen = Activated(inputs, wide, 1, 1, rngs, activation=jax.nn.relu6) if expansion > 1 else as_is
        self.filter = Activated(wide, wide, 3, stride, rngs, wide, jax.nn.relu6)
        self.narrow = Activated(wide, outputs, 1, 1, rngs, activation=as_is)
        self.has_shortcut = stride == 1 and inputs == outputs

    def __call__(self, x: jax.Array) -> jax.Array:
        out = self.narrow(self.filter(self.widen(x)))
        return x + out if self.has_shortcut else out


class Plain(nnx.Module):
    """Layers one after the other, a mean and a linear layer."""

    def __init__(self, layers: list[Any], features: int, rngs: nnx.Rngs):
        self.layers = nnx.List(layers)
        self.head = nnx.Linear(features, CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean((1, 2)))


def plain_resnet18(rngs: nnx.Rngs) -> Plain:
    def pool(x: jax.Array) -> jax.Array:
        return nnx.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))

    layers: list[Any] = [Activated(3, 64, 7, 2, rngs), pool]
    inputs = 64
    for width in (64, 128, 256, 512):
        layers += [Residual(inputs, width, 1 if width == 64 else 2, rngs), Residual(width, width, 1, rngs)]
        inputs = width
    return Plain(layers, inputs, rngs)


def plain_mobilenetv2(rngs: nnx.Rngs) -> Plain:
    layers: list[Any] = [Activated(3, 32, 3, 2, rngs, activation=jax.nn.relu6)]
    inputs = 32
    for expansion, outputs, blocks, stride in STAGES:
        for index in range(blocks):
            layers.append(InvertedResidual(inputs, outputs, 1 if index else stride, expansion, rngs))
            inputs = outputs
    return Plain([*layers, Activated(inputs, 1280, 1, 1, rngs, activation=jax.nn.relu6)], 1280, rngs)


PLAIN = {"resnet18": plain_resnet18, "mobilenetv2": plain_mobilenetv2}


def plain_step(name: str, batch: Batch) -> Callable[[], None]:
    """A training step as Flax's documentation writes it."""
    model = PLAIN[name](nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.001, 0.9, nesterov=True), wrt=nnx.Param)
    images, targets = jnp.asarray(batch.images, jnp.float32) / 255, jnp.asarray(batch.targets)

    @nnx.jit
    def step(model: Plain, optimizer: nnx.Optimizer, images: jax.Array, targets: jax.Array) -> jax.Array:
        def loss_of(model: Plain) -> jax.Array:
            return optax.softmax_cross_entropy_with_integer_labels(model(images), targets).mean()

        loss, gradients = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, gradients)
        return loss

    return lambda: jax.block_until_ready(step(model, optimizer, images, targets))


def keras_resnet18(size: int) -> Any:
    from keras import Sequential, layers
    from keras_hub.models import ResNetBackbone

    body = ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[2, 2, 2, 2],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=(size, size, 3),
    )
    return Sequential([body, layers.GlobalAveragePooling2D(), layers.Dense(CLASSES)])


def keras_mobilenetv2(size: int) -> Any:
    from keras.applications import MobileNetV2

    return MobileNetV2((size, size, 3), weights=None, classes=CLASSES, classifier_activation=None)


KERAS = {"resnet18": keras_resnet18, "mobilenetv2": keras_mobilenetv2}


def keras_step(name: str, batch: Batch) -> Callable[[], None]:
    """A training step as Keras compiles it."""
    import keras

    model = KERAS[name](batch.images.shape[1])
    model.compile(
        keras.optimizers.SGD(0.001, 0.9, nesterov=True), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    images = batch.images.astype(np.float32) / 255
    return lambda: model.train_on_batch(images, batch.targets)


def engine_step(name: str, backend: str, batch: Batch) -> tuple[Callable[[], None], Any]:
    """A training step of one of our engines."""
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model(name), task="image_classification", backend=backend)
    context = context.resolved([Source.of({"precision": "fp32"}, "the benchmark")])
    data = TrainingData(tuple(map(str, range(CLASSES))), (10,) * CLASSES, 10 * CLASSES)
    engine = context.engine(context.module(CLASSES), data)

    def step() -> None:
        engine.accumulate(batch, 1.0, 0)
        engine.update(0.001)

    return step, engine


def seconds(step: Callable[[], None], steps: int) -> float:
    """Seconds of one step, the mean over a few."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - began) / steps


def measure(name: str, size: int, count: int, pairs: int, steps: int) -> dict[str, Any]:
    """Medians over rounds in which each takes its turn."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    batch = Batch(images, random.integers(0, CLASSES, count), np.arange(count))
    ours, engine = engine_step(name, "jax", batch)
    theirs, _ = engine_step(name, "torch", batch)
    runners = {"jax": ours, "torch": theirs, "plain_flax": plain_step(name, batch)}
    if find_spec("keras_hub"):
        runners["keras"] = keras_step(name, batch)
    for runner in runners.values():
        runner()
    rounds = [{who: seconds(runner, steps) for who, runner in runners.items()} for _ in range(pairs)]
    median = {who: statistics.median(found[who] for found in rounds) for who in runners}
    return {
        "model": name,
        "size": size,
        "batch": count,
        **{f"{who}_steps_per_second": round(1 / value, 2) for who, value in median.items()},
        **{
            f"jax_over_{who}": round(statistics.median(found[who] / found["jax"] for found in rounds), 2)
            for who in runners
            if who != "jax"
        },
        "compile_seconds": engine.facts().compile_seconds,
    }


def main() -> None:
    """Print a line for each model and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["resnet18", "mobilenetv2"], choices=list(PLAIN))
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 128])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in options.models:
        for size in options.sizes:
            found = measure(name, size, options.batch, options.pairs, options.steps)
            print(json.dumps(found) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
