"""Lion for torch."""

from __future__ import annotations

from typing import Any

import torch


class Lion(torch.optim.Optimizer):
    """A step of the sign of a momentum; the learning rate of each group is set from outside."""

    def __init__(self, groups: list[dict[str, Any]], betas: tuple[float, float]):
        super().__init__(groups, {"lr": 0.0, "weight_decay": 0.0})
        self.betas = betas

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002 - torch has overloads
        """Update each parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["weight_decay"])

    def _update(self, parameter: torch.Tensor, rate: float, decay: float) -> None:
        assert parameter.grad is not None
        momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        step = torch.lerp(parameter.grad, momentum, self.betas[0]).sign_()
        parameter.mul_(1 - rate * decay).sub_(step, alpha=rate)
        momentum.lerp_(parameter.grad, 1 - self.betas[1])
