"""Training and prediction with torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch, ImageBatch
from vistry.loading.views import ResizeInfo, identity_resizes
from vistry.plugin.types import Loss, Postprocess, Predictions, Tensor
from vistry.registry.part_code import guarded
from vistry.runs.records import EngineFacts
from vistry.torch_layers.precision import is_in_single_precision, single_precision
from vistry.training.engines.ema import ema_step
from vistry.training.engines.engine import Engine, EngineSettings, pixel_statistics, precision_of_predictions
from vistry.training.engines.state import EMA, EMA_UPDATES, MODEL, OPTIMIZER, Arrays, ema_state, under, with_prefix
from vistry.training.engines.torch.device import device_name, keep_freed_memory, peak_memory, pick_device
from vistry.training.engines.torch.ema import update_ema
from vistry.training.engines.torch.folding import with_folded_norms
from vistry.training.engines.torch.module import arrays_of, freeze, load_arrays
from vistry.training.engines.torch.optimizer import (
    clip_gradients,
    load_state_arrays,
    make_optimizer,
    set_learning_rate,
    state_arrays,
)
from vistry.training.engines.torch.precision import autocast, precision_of

# A prime to spread the seeds of runs apart, so that step 1 of seed 0 isn't step 0 of seed 1.
_SEED_STRIDE = 1_000_003
_NO_LOSS = "an engine made without a loss can't train"


def make(module: nn.Module, settings: EngineSettings, loss: Loss | None, postprocess: Postprocess) -> Engine:
    """Make an engine. Without a loss it only predicts."""
    return TorchEngine(module, settings, loss, postprocess=postprocess)


class TorchEngine:
    """A torch module with its optimiser; see `Engine` for what each method promises."""

    def __init__(self, module: nn.Module, settings: EngineSettings, loss: Loss | None, postprocess: Postprocess):
        hyperparameters = settings.hyperparameters
        torch.use_deterministic_algorithms(hyperparameters.deterministic)
        self.device = pick_device()
        if self.device.type == "cpu":
            keep_freed_memory()
        self.precision, self._precision_reason = precision_of(module, hyperparameters.precision, self.device)
        self._loss, self._postprocess, self._code = loss, postprocess, settings.code
        self.mean, self.std = pixel_statistics(settings.preprocessing)
        self._mean, self._std = self._pixel_constant(self.mean), self._pixel_constant(self.std)

        self._module = module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._frozen_norms = freeze(self._module, settings.freezing, settings.frozen_layers)
        self._ema_settings = settings.ema if loss is not None else None
        self._ema = copy.deepcopy(self._module).eval() if self._ema_settings else self._module
        self._ema_updates = 0
        self.prediction_precision = precision_of_predictions(hyperparameters.precision, self.precision)
        self._predicting: nn.Module | None = None

        self._optimizer: torch.optim.Optimizer | None = None
        if loss is not None:
            self._optimizer_part = settings.optimizer_part
            self._optimizer = make_optimizer(
                self._module, hyperparameters, self._optimizer_part, factors=settings.rate_factors
            )
        self._clipping = settings.clipping
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self._seed = hyperparameters.random_seed

    @property
    def model(self) -> nn.Module:
        module: nn.Module = self._ema.eval()
        return module

    def facts(self) -> EngineFacts:
        parameters = list(self._module.parameters())
        return EngineFacts(
            backend="torch",
            backend_version=str(torch.__version__),
            device=device_name(self.device),
            precision=self.precision,
            precision_reason=self._precision_reason,
            parameters=sum(parameter.numel() for parameter in parameters),
            trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        )

    def peak_memory(self) -> int | None:
        return peak_memory(self.device)

    # Steps

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        torch.manual_seed(self._seed * _SEED_STRIDE + step)
        self._train_mode()
        targets = self._targets(batch.targets)
        images = self._inputs(batch.images, batch.sizes)
        assert self._loss is not None, _NO_LOSS
        with self._computing(self.precision):
            terms = self._loss(self._module, images, targets)
        total: torch.Tensor = sum(terms.values(), start=torch.zeros((), device=self.device))
        with self._code("the backward pass"):
            self._scaler.scale(total * share).backward()  # type: ignore[no-untyped-call]
        return {name: float(value.detach()) for name, value in terms.items()}

    def update(self, learning_rate: float) -> None:
        assert self._optimizer is not None, _NO_LOSS
        set_learning_rate(self._optimizer, learning_rate)
        self._scaler.unscale_(self._optimizer)
        clip_gradients(self._module, self._clipping)
        with guarded(self._optimizer_part):
            self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        self._predicting = None  # a folded copy has the old weights
        if self._ema_settings:
            self._ema_updates += 1
            update_ema(self._ema, self._module, ema_step(self._ema_settings, self._ema_updates))

    @torch.inference_mode()
    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Predictions:
        if self._predicting is None:
            # In bf16 folded weights are rounded elsewhere than those that were trained.
            folds_norms = self.prediction_precision == "fp32" and self.device.type == "cpu"
            self._predicting = with_folded_norms(self._ema) if folds_norms else self._ema
        self._predicting.eval()
        sizes = None if frames is None else [frame[:2] for frame in frames]
        with self._computing(self.prediction_precision), self._code("the forward pass"):
            outputs = self._predicting(self._inputs(images, sizes))
        return self._postprocess(outputs, frames or identity_resizes(images))

    @contextmanager
    def _computing(self, precision: str) -> Iterator[None]:
        """Compute in a precision, a detector's boxes and what its loss makes of them in float32."""
        with autocast(precision, self.device):
            if is_in_single_precision(self._module):
                with single_precision(self.device.type):
                    yield
            else:
                yield

    def _train_mode(self) -> None:
        self._module.train()
        for norm in self._frozen_norms:
            norm.eval()

    def _targets(self, targets: Any) -> Tensor:
        """Put targets on the device: an array, or a list of dictionaries of arrays, as tensors."""
        if isinstance(targets, np.ndarray):
            return torch.from_numpy(targets).to(self.device, non_blocking=True)
        return [{name: self._targets(value) for name, value in target.items()} for target in targets]

    def _inputs(self, images: Pixels, sizes: Sequence[tuple[int, int]] | None) -> torch.Tensor | ImageBatch:
        """Return what a model is called with: the images; with their sizes, if these differ."""
        pixels = self._normalised(images)
        if sizes is None:
            return pixels
        for image, (height, width) in zip(pixels, sizes, strict=True):
            image[:, height:] = 0
            image[:, :, width:] = 0
        return ImageBatch(pixels, sizes)

    def _normalised(self, images: Pixels) -> torch.Tensor:
        """[N, H, W, 3] uint8 to [N, 3, H, W] float32 in channels-last order; autocast makes it the precision's."""
        pixels = torch.from_numpy(images).to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        return pixels.float().sub_(self._mean).div_(self._std)

    def _pixel_constant(self, values: npt.NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(values).to(self.device).view(1, 3, 1, 1)

    # State

    def weights(self) -> Arrays:
        return arrays_of(self._ema)

    def load_weights(self, arrays: Arrays) -> None:
        load_arrays(self._module, arrays)
        if self._ema_settings:
            load_arrays(self._ema, arrays)
        self._predicting = None

    def state(self) -> Arrays:
        arrays = with_prefix(MODEL, arrays_of(self._module)) | with_prefix(OPTIMIZER, self._optimizer_state())
        return arrays | ema_state(arrays_of(self._ema), self._ema_updates) if self._ema_settings else arrays

    def load_state(self, arrays: Arrays) -> None:
        load_arrays(self._module, under(MODEL, arrays))
        self._load_optimizer_state(under(OPTIMIZER, arrays))
        if self._ema_settings:
            load_arrays(self._ema, under(EMA, arrays))
            self._ema_updates = int(arrays[EMA_UPDATES].item())
        self._predicting = None

    def _optimizer_state(self) -> Arrays:
        return {} if self._optimizer is None else state_arrays(self._optimizer, self._scaler, self._module)

    def _load_optimizer_state(self, arrays: Arrays) -> None:
        if self._optimizer is not None:
            load_state_arrays(self._optimizer, self._scaler, self._module, arrays=arrays)
