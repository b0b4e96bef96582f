"""Each layer against torch's, forward, backward and in what it keeps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch.nn import functional
from vistry.flax_layers import (
    BatchNorm,
    BranchConv,
    Conv,
    LayerNorm,
    Linear,
    Sequential,
    average_pool,
    max_pool,
    normal_by_fan_out,
    valid_rows,
)
from vistry.training.engines.jax.module import arrays_of, load_arrays

RANDOM = np.random.default_rng(0)


def _maps(*shape: int) -> tuple[torch.Tensor, jax.Array]:
    """The same random values as [N, C, H, W] for torch and [N, H, W, C] for JAX."""
    values = RANDOM.standard_normal(shape, np.float32)
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy()).requires_grad_(), jnp.asarray(values)


def _close(ours: Any, theirs: torch.Tensor) -> None:
    expected = theirs.detach().numpy()
    expected = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=1e-5 * max(1.0, abs(expected).max()))


def _agree(ours: Any, x: jax.Array, theirs: torch.Tensor, input_of_theirs: torch.Tensor) -> None:
    """The results, and the gradients of the sum of squares with respect to the input."""
    theirs.square().sum().backward()
    assert input_of_theirs.grad is not None

    @jax.jit
    def both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        found, back = jax.vjp(ours, x)
        return found, back(2 * found)[0]

    found, gradient = both(x)
    _close(found, theirs)
    _close(gradient, input_of_theirs.grad)


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
@pytest.mark.parametrize(
    ("size", "inputs", "outputs", "kernel", "stride", "padding", "groups"),
    [
        (8, 6, 4, 3, 1, 1, 1),
        (9, 6, 4, 3, 2, 1, 1),
        (4, 6, 4, 3, 1, 1, 1),
        (3, 6, 4, 3, 2, 1, 1),
        (1, 6, 4, 3, 1, 1, 1),
        (7, 6, 4, 1, 2, 0, 1),
        (7, 6, 4, 3, 2, 1, 2),
        (7, 6, 6, 3, 2, 1, 6),
        (4, 6, 12, 3, 1, 1, 6),
        (11, 3, 4, 7, 2, 3, 1),
    ],
)
def test_convolution(
    size: int,
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int,
    padding: int,
    groups: int,
    platform: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = torch.nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
    ours = Conv(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, random=RANDOM)
    load_arrays(ours, {name: value.numpy() for name, value in theirs.state_dict().items()})
    x, same = _maps(2, size, size, inputs)
    result = theirs(x)
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    _agree(ours, same, result, x)
    graph, state = nnx.split(ours)
    found = jax.jit(jax.grad(lambda state: jnp.square(nnx.merge(graph, state, copy=True)(same)).sum()))(state)
    _close(np.asarray(found.weight.get_value()).transpose(0, 2, 3, 1), theirs.weight.grad)
    _close(found.bias.get_value(), theirs.bias.grad)


@pytest.mark.parametrize(("size", "before", "after"), [(8, 0, 1), (7, 1, 1)])
def test_same_padding_is_tensorflows(size: int, before: int, after: int) -> None:
    ours = Conv(3, 4, 3, stride=2, padding="SAME", random=RANDOM)
    x, same = _maps(2, size, size, 3)
    arrays = {name: torch.from_numpy(value) for name, value in arrays_of(ours).items()}
    padded = functional.pad(x, (before, after, before, after))
    _close(ours(same), functional.conv2d(padded, arrays["weight"], arrays["bias"], stride=2))


def test_a_convolution_without_bias_has_none() -> None:
    assert set(arrays_of(Conv(3, 4, 3, use_bias=False, random=RANDOM))) == {"weight"}


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "ceil"),
    [
        (8, 3, 2, 1, False),
        (7, 3, 2, 1, True),
        (8, 3, 2, 0, True),
        (7, 2, 2, 0, True),
        (7, 2, 2, 0, False),
        (9, 3, 1, 1, False),
    ],
)
def test_pools(size: int, window: int, stride: int, padding: int, ceil: bool) -> None:
    x, same = _maps(2, size, size, 3)
    largest = functional.max_pool2d(x, window, stride, padding, ceil_mode=ceil)
    _agree(lambda x: max_pool(x, window, stride=stride, padding=padding, ceil=ceil), same, largest, x)
    x, same = _maps(2, size, size, 3)
    mean = functional.avg_pool2d(x, window, stride, padding, ceil_mode=ceil)
    _agree(lambda x: average_pool(x, window, stride=stride, padding=padding, ceil=ceil), same, mean, x)


def test_of_equal_values_the_first_has_the_gradient_of_a_max_pool() -> None:
    x = torch.zeros(1, 1, 4, 4, requires_grad=True)
    functional.max_pool2d(x, 2, 2).sum().backward()
    ours = jax.jit(jax.grad(lambda x: max_pool(x, 2, stride=2).sum()))(jnp.zeros((1, 4, 4, 1)))
    _close(ours, x.grad)


def test_batch_norm_keeps_the_unbiased_variance_with_torchs_momentum() -> None:
    theirs = torch.nn.BatchNorm2d(3, eps=1e-3, momentum=0.2)
    ours = BatchNorm(3, eps=1e-3, momentum=0.2)
    call = nnx.jit(lambda ours, x: ours(x))
    for _ in range(3):
        x, same = _maps(2, 2, 3, 3)
        result = theirs(x)
        _close(call(ours, same), result)
    for name, value in arrays_of(ours).items():
        np.testing.assert_allclose(value, theirs.state_dict()[name].numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
    ours.eval()
    _close(call(ours, same), theirs.eval()(x))


def test_batch_norm_in_training_has_torchs_gradient() -> None:
    theirs, ours = torch.nn.BatchNorm2d(3), BatchNorm(3)
    x, same = _maps(2, 2, 3, 3)
    result = theirs(x)
    result.pow(3).sum().backward()
    graph, state = nnx.split(ours)
    found = jax.jit(jax.grad(lambda x: (nnx.merge(graph, state, copy=True)(x) ** 3).sum()))(same)
    _close(found, x.grad)


def test_rows_that_are_padding_do_not_count_in_batch_norm() -> None:
    whole, masked = BatchNorm(3), BatchNorm(3)
    _, real = _maps(4, 2, 2, 3)
    padded = jnp.concatenate([real, 100 * jnp.ones((2, 2, 2, 3))])

    @nnx.jit
    def masking(norm: BatchNorm, x: jax.Array, mask: jax.Array) -> jax.Array:
        with valid_rows(mask):
            return norm(x)

    expected = nnx.jit(lambda norm, x: norm(x))(whole, real)
    found = masking(masked, padded, jnp.array([1.0, 1, 1, 1, 0, 0]))
    np.testing.assert_allclose(found[:4], expected, rtol=1e-5, atol=1e-6)
    for name, value in arrays_of(masked).items():
        np.testing.assert_allclose(value, arrays_of(whole)[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_tracing_a_batch_norm_costs_the_same_however_much_was_traced_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracer that is asked for its sharding goes through all it has traced to say that it has none."""
    asked: list[Any] = []
    monkeypatch.setattr(jax.core.Tracer, "sharding", property(asked.append))
    norm = BatchNorm(3)
    nnx.jit(lambda norm, x: norm(x))(norm, jnp.ones((4, 2, 2, 3)))
    assert norm.num_batches_tracked[...] == 1
    assert asked == []


def test_batch_norm_computes_in_float32_and_returns_what_came() -> None:
    x = jnp.asarray(1000 + RANDOM.standard_normal((64, 2, 2, 3), np.float32), jnp.bfloat16)
    ours = BatchNorm(3)
    assert nnx.jit(lambda norm, x: norm(x))(ours, x).dtype == jnp.bfloat16
    expected = 0.1 * np.asarray(x, np.float32).mean((0, 1, 2))
    np.testing.assert_allclose(ours.running_mean[...], expected, rtol=1e-5)


def test_linear_and_layer_norm() -> None:
    values = RANDOM.standard_normal((2, 5, 6), np.float32)
    linear, norm = torch.nn.Linear(6, 4), torch.nn.LayerNorm(6, eps=1e-6)
    norm.weight.data.uniform_()
    for theirs, ours in ((linear, Linear(6, 4, random=RANDOM)), (norm, LayerNorm(6, eps=1e-6))):
        load_arrays(ours, {name: value.numpy() for name, value in theirs.state_dict().items()})
        _close(ours(jnp.asarray(values)), theirs(torch.from_numpy(values)))


def test_a_sequence_has_torchs_names() -> None:
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Linear(4, 2)))
    ours = Sequential(Conv(3, 4, 1, random=RANDOM), jax.nn.relu, Sequential(Linear(4, 2, random=RANDOM)))
    assert set(arrays_of(ours)) == set(theirs.state_dict())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: Conv(16, 64, 3, groups=4, random=RANDOM), lambda: torch.nn.Conv2d(16, 64, 3, groups=4)),
        (lambda: Linear(300, 40, random=RANDOM), lambda: torch.nn.Linear(300, 40)),
    ],
)
def test_weights_are_drawn_from_torchs_distribution(ours: Any, theirs: Any) -> None:
    drawn, expected = arrays_of(ours()), theirs().state_dict()
    for name, value in drawn.items():
        other = expected[name].numpy()
        assert abs(value).max() == pytest.approx(abs(other).max(), rel=0.1)
        assert value.std() == pytest.approx(other.std(), rel=0.2)
        assert abs(value.mean()) < 0.2 * value.std()


def test_normal_by_fan_out_is_kaimings() -> None:
    theirs = torch.empty(128, 8, 3, 3)
    torch.nn.init.kaiming_normal_(theirs, mode="fan_out")
    assert normal_by_fan_out(RANDOM, (128, 8, 3, 3)).std() == pytest.approx(theirs.std().item(), rel=0.03)


def test_a_convolution_for_branches_is_the_same_convolution() -> None:
    make = np.random.default_rng
    ours, plain = (kind(5, 7, 3, stride=2, padding=1, random=make(0)) for kind in (BranchConv, Conv))
    x = jnp.asarray(make(1).standard_normal((2, 11, 8, 5)).astype(np.float32))
    found = jax.jit(lambda x: jax.lax.cond(x.sum() > -1e9, ours, lambda x: plain(x) * 0, x))(x)
    np.testing.assert_allclose(found, plain(x), rtol=0, atol=1e-5)
