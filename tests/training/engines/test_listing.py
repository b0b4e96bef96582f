"""Who knows one engine knows the other: the same files, the same names, and a module that can be used without it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn
from vistry import VistryError
from vistry.flax_layers import Linear
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import PreprocessingSpec
from vistry.training import engines
from vistry.training.engines import EngineModule, EngineSettings, engine_module
from vistry.training.engines.jax.engine import JaxEngine
from vistry.training.engines.torch.engine import TorchEngine

HYPERPARAMETERS = Hyperparameters.of(
    {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
        "precision": "fp32",
        "deterministic": False,
        "random_seed": 0,
    }
)
OF_TORCH_ALONE = {"folding.py"}
OF_JAX_ALONE = {"compilation.py", "padding.py"}
FOLDER = Path(engines.__file__).parent


class FlaxNet(nnx.Module):
    """The colours' means, through a linear layer."""

    def __init__(self) -> None:
        self.fc = Linear(3, 2, random=np.random.default_rng(0))

    def __call__(self, images: Any) -> Any:
        return self.fc(images.mean((1, 2)))


class TorchNet(nn.Module):
    """The same."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(images.mean((2, 3)))


def private_methods(kind: type) -> set[str]:
    return {name for name, value in inspect.getmembers(kind, inspect.isfunction) if name.startswith("_")}


def test_both_folders_have_the_same_files() -> None:
    files = {backend: {path.name for path in (FOLDER / backend).glob("*.py")} for backend in ("torch", "jax")}
    assert files["torch"] - OF_TORCH_ALONE == files["jax"] - OF_JAX_ALONE


def test_both_modules_have_the_names_of_their_contract() -> None:
    contract = {name for name in vars(EngineModule) if not name.startswith("_")}
    for backend in ("torch", "jax"):
        module: Any = engine_module(backend)
        assert set(module.__all__) == contract


def test_both_engines_call_their_parts_alike() -> None:
    shared = {"_inputs", "_normalised", "_optimizer_state", "_load_optimizer_state"}
    assert shared <= private_methods(TorchEngine) & private_methods(JaxEngine)


def test_an_unknown_backend_is_an_error() -> None:
    with pytest.raises(VistryError, match="unknown backend 'jaxx'; did you mean 'jax'"):
        engine_module("jaxx")


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_model_predicts_without_its_engine(backend: str) -> None:
    """By the mean and the standard deviation that the engine gives, on images normalised by hand."""
    module = TorchNet() if backend == "torch" else FlaxNet()
    preprocessing = PreprocessingSpec(mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
    engine = engine_module(backend).make(
        module, EngineSettings(HYPERPARAMETERS, preprocessing), None, lambda outputs, _: np.asarray(outputs)
    )
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    pixels = ((images - engine.mean) / engine.std).astype(np.float32)
    np.testing.assert_allclose(engine.mean, [127.5, 102, 76.5], rtol=1e-6)
    if backend == "torch":
        with torch.inference_mode():
            outputs = engine.model(torch.from_numpy(pixels).permute(0, 3, 1, 2)).numpy()
    else:
        outputs = engine.model(jnp.asarray(pixels))
    np.testing.assert_allclose(np.asarray(outputs), engine.predict(images), rtol=1e-5, atol=1e-6)
