"""Training and prediction with torch."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx.experimental.optimization import fuse

from vistry.errors import HyperparameterError, Problem, TrainingError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch, ImageBatch
from vistry.loading.views import ResizeInfo, unresized
from vistry.plugin.types import FreezingMap
from vistry.training.engines.engine import Arrays, EngineSettings, ema_step, under
from vistry.training.engines.freezing import frozen_prefixes
from vistry.training.engines.torch.precision import auto_precision, keep_freed_memory

_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device() -> torch.device:
    """A GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(wanted: str, device: torch.device) -> tuple[str, str]:
    """The precision to use and why. Raises HyperparameterError for what the device can't do."""
    if wanted == "fp16" and device.type == "cpu":
        problem = Problem("precision", "fp16 needs a GPU", "use bf16, fp32 or auto")
        raise HyperparameterError([problem])
    if wanted != "auto":
        return wanted, "as asked"
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported()
        return ("bf16", "this GPU computes bf16") if able else ("fp32", "this GPU has no bf16")
    return auto_precision()


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of a model's state."""
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def freeze(model: nn.Module, freezing: FreezingMap, layers: int) -> list[nn.Module]:
    """Stop the first `layers` groups from training; the batch norms that must then keep their statistics.

    Raises HyperparameterError for more layers than there are, or a prefix that matches no parameter.
    """
    prefixes = frozen_prefixes(freezing, layers, [name for name, _ in model.named_parameters()])
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not name.startswith(prefixes) if prefixes else True
    if not prefixes or not freezing.freeze_batch_norm:
        return []
    return [
        module
        for name, module in model.named_modules()
        if isinstance(module, _BATCH_NORM) and f"{name}.".startswith(prefixes)
    ]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights with decay; batch-norm weights, biases and free parameters without (docs/reference/behaviour.md, 3.6)."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            decays = name == "weight" and not isinstance(module, _BATCH_NORM)
            (decayed if decays else plain).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def make_optimizer(model: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """The optimiser the hyperparameters name; its learning rate is set before each update."""
    groups = parameter_groups(model, hyperparameters.weight_decay)
    if hyperparameters.optimizer == "sgd":
        momentum = hyperparameters.momentum
        return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=hyperparameters.nesterov)
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[hyperparameters.optimizer]
    betas = (hyperparameters.beta1, hyperparameters.beta2)
    return kind(groups, lr=0.0, betas=betas, amsgrad=hyperparameters.ams_gradient)


def with_folded_norms(model: nn.Module) -> nn.Module:
    """A copy for prediction whose batch norms are part of the convolutions before them, equal up to rounding.

    Where torch.fx can't trace it, as where its control flow depends on the images, so are those of its parts.
    """
    try:
        folded: nn.Module = fuse(model.eval())
    except Exception:
        folded = copy.deepcopy(model)
        if "torchvision" in sys.modules:  # whose frozen norms torch.fx doesn't know
            from vistry.torch_layers.norms import with_batch_norms

            with_batch_norms(folded)
        _fold_parts(folded)
    return folded.to(memory_format=torch.channels_last)


def _fold_parts(module: nn.Module) -> None:
    """Exchange the largest parts of a module that have batch norms and can be traced."""
    for name, child in list(module.named_children()):
        if any(isinstance(part, _BATCH_NORM) for part in child.modules()):
            try:
                setattr(module, name, fuse(child))
            except Exception:
                _fold_parts(child)


class TorchEngine:
    """A torch module with its optimiser; see `Engine` for what each method promises."""

    def __init__(
        self,
        model: nn.Module,
        settings: EngineSettings,
        loss: Callable[[Any, Any, Any], dict[str, Any]] | None,
        postprocess: Callable[[Any, Sequence[ResizeInfo]], Any],
    ):
        hyperparameters = settings.hyperparameters
        torch.use_deterministic_algorithms(hyperparameters.deterministic)
        self.device = pick_device()
        if self.device.type == "cpu":
            keep_freed_memory()
        self.precision, self._why = pick_precision(hyperparameters.precision, self.device)
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._still = freeze(self.model, settings.freezing, settings.frozen_layers)
        self._loss, self._postprocess = loss, postprocess
        self._averaging = settings.averaging if loss is not None else None
        self._average = copy.deepcopy(self.model).eval() if self._averaging else self.model
        self._updates = 0
        self._folds = loss is None and self.device.type == "cpu"
        self._predicting: nn.Module | None = None
        self._seed = hyperparameters.random_seed
        self._clipping = settings.clipping
        self._optimizer = make_optimizer(self.model, hyperparameters)
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self._mean = self._pixel_constant(settings.preprocessing.mean)
        self._std = self._pixel_constant(settings.preprocessing.std)

    def _pixel_constant(self, values: tuple[float, ...]) -> torch.Tensor:
        return 255 * torch.tensor(values, device=self.device).view(1, 3, 1, 1)

    def facts(self) -> dict[str, Any]:
        parameters = list(self.model.parameters())
        return {
            "backend": "torch",
            "backend_version": torch.__version__,
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu",
            "precision": self.precision,
            "precision_reason": self._why,
            "parameters": sum(parameter.numel() for parameter in parameters),
            "trainable_parameters": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        }

    def peak_memory(self) -> int | None:
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        torch.manual_seed(self._seed * 1_000_003 + step)
        self._train_mode()
        targets = self._placed(batch.targets)
        images = self._inputs(batch.images, batch.sizes)
        assert self._loss is not None, "an engine made to predict can't train"
        with self._autocast():
            terms = self._loss(self.model, images, targets)
        total: torch.Tensor = sum(terms.values(), start=torch.zeros((), device=self.device))
        self._scaler.scale(total * share).backward()  # type: ignore[no-untyped-call]
        return {name: float(value.detach()) for name, value in terms.items()}

    def update(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._scaler.unscale_(self._optimizer)
        trained = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        if self._clipping.by == "norm":
            nn.utils.clip_grad_norm_(trained, self._clipping.at)
        else:
            nn.utils.clip_grad_value_(trained, self._clipping.at)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        if self._averaging:
            self._updates += 1
            update_ema(self._average, self.model, ema_step(self._averaging, self._updates))

    @torch.inference_mode()
    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Any:
        if self._predicting is None:
            self._predicting = with_folded_norms(self.model) if self._folds else self._average
        self._predicting.eval()
        with self._autocast():
            outputs = self._predicting(
                self._inputs(images, None if frames is None else [frame[:2] for frame in frames])
            )
        return self._postprocess(outputs, frames or unresized(images))

    def weights(self) -> Arrays:
        return arrays_of(self._average)

    def load_weights(self, arrays: Arrays) -> None:
        load_arrays(self.model, arrays)
        if self._averaging:
            load_arrays(self._average, arrays)
        self._predicting = None

    def state(self) -> Arrays:
        arrays = {f"model/{name}": value for name, value in arrays_of(self.model).items()}
        arrays |= {f"optimizer/{name}": value for name, value in self._optimizer_state().items()}
        if self._averaging:
            arrays |= {f"average/{name}": value for name, value in arrays_of(self._average).items()}
            arrays["average.updates"] = np.array(self._updates)
        return arrays

    def load_state(self, arrays: Arrays) -> None:
        load_arrays(self.model, under("model/", arrays))
        self._load_optimizer_state(under("optimizer/", arrays))
        if self._averaging:
            load_arrays(self._average, under("average/", arrays))
            self._updates = arrays["average.updates"].item()
        self._predicting = None

    def _optimizer_state(self) -> Arrays:
        arrays = {}
        for name, parameter in self._trained():
            for quantity, value in self._optimizer.state.get(parameter, {}).items():
                if value is not None:
                    arrays[f"{name}.{quantity}"] = _array(torch.as_tensor(value))
        if self._scaler.is_enabled():
            arrays["scaler"] = np.array([self._scaler.get_scale(), self._scaler._get_growth_tracker()])
        return arrays

    def _load_optimizer_state(self, arrays: Arrays) -> None:
        for name, parameter in self._trained():
            found = {
                key.removeprefix(f"{name}."): value for key, value in arrays.items() if key.rpartition(".")[0] == name
            }
            if found:
                self._optimizer.state[parameter] = {
                    quantity: _placed(quantity, value, parameter) for quantity, value in found.items()
                }
        if self._scaler.is_enabled() and "scaler" in arrays:
            scale, growth = arrays["scaler"]
            state = self._scaler.state_dict()
            self._scaler.load_state_dict({**state, "scale": float(scale), "_growth_tracker": int(growth)})

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, value) for name, value in self.model.named_parameters() if value.requires_grad)

    def _train_mode(self) -> None:
        self.model.train()
        for module in self._still:
            module.eval()

    def _placed(self, targets: Any) -> Any:
        """An array on the device, or dictionaries of arrays as such of tensors."""
        if isinstance(targets, np.ndarray):
            return torch.from_numpy(targets).to(self.device, non_blocking=True)
        return [{name: self._placed(value) for name, value in target.items()} for target in targets]

    def _inputs(self, images: Pixels, sizes: Sequence[tuple[int, int]] | None) -> torch.Tensor | ImageBatch:
        """What a model is called with: the images, where they are of different size with their sizes."""
        pixels = self._normalised(images)
        if sizes is None:
            return pixels
        for image, (height, width) in zip(pixels, sizes, strict=True):
            image[:, height:] = 0
            image[:, :, width:] = 0
        return ImageBatch(pixels, sizes)

    def _normalised(self, images: Pixels) -> torch.Tensor:
        """[N, H, W, 3] uint8 to [N, 3, H, W] float32 in channels-last order, normalised once a batch."""
        pixels = torch.from_numpy(images).to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        return pixels.float().sub_(self._mean).div_(self._std)

    def _autocast(self) -> Any:
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=_DTYPES[self.precision])


def _array(value: torch.Tensor) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = value.detach().cpu().contiguous().numpy()
    return found


def _placed(quantity: str, value: np.ndarray[Any, Any], parameter: nn.Parameter) -> torch.Tensor:
    """A tensor of the optimiser where torch keeps it: counts on the host, the rest laid out as the parameter."""
    tensor = torch.from_numpy(value.copy())
    if quantity == "step":
        return tensor
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)


@torch.no_grad()
def update_ema(average: nn.Module, model: nn.Module, step: float) -> None:
    """Move every tensor of an average that share of the way to the model's; whole numbers are copied."""
    theirs = model.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(theirs[name], step)
        else:
            value.copy_(theirs[name])


def arrays_of(model: nn.Module) -> Arrays:
    """A module's tensors by name."""
    return {name: _array(value) for name, value in model.state_dict().items()}


def load_arrays(model: nn.Module, arrays: Arrays) -> None:
    """Set a module's tensors by name. Raises TrainingError where names differ."""
    state = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise TrainingError(
            f"the saved weights don't fit the model: missing {missing[:3]}, unexpected {unexpected[:3]}"
        )


def seed_initialisation(seed: int) -> None:
    """Seed what draws a model's initial weights."""
    torch.manual_seed(seed)


make = TorchEngine
