"""The kernels on a GPU, against eager torch and against torch.compile, in one run.

First each operation alone, forward and backward, at the sizes it has in its model; then a training step of the model,
with the kernel and without, eager and compiled. Every column is measured in turn, and the figures are medians of
pairs: `python benchmarks/kernels.py [--batch 32] [--pairs 20] [--json]`. A kernel is kept if its ratios are above 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator

import torch
import vistry
from vistry.kernels.dispatch import resolve
from vistry.kernels.table import kernels_for
from vistry.registry.catalogue import Catalogue

OPERATION, MODEL, IMAGE = "scale_add_relu", "seresnext", 224
MAPS = ((256, 56), (512, 28), (1024, 14), (2048, 7))
DTYPES = (torch.bfloat16, torch.float32)
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
Step = Callable[[], object]


def milliseconds(step: Step) -> float:
    """One step, by the GPU's own clock."""
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begun.record()
    step()
    ended.record()
    torch.cuda.synchronize()
    return float(begun.elapsed_time(ended))


def compared(steps: dict[str, Step], ours: str, pairs: int) -> dict[str, object]:
    """The median of each, and how many times as long as ours the others take in the same round."""
    for step in steps.values():
        for _ in range(5):
            step()
    rounds = [{name: milliseconds(step) for name, step in steps.items()} for _ in range(pairs)]
    found: dict[str, object] = {
        f"{name}_ms": round(statistics.median(times[name] for times in rounds), 4) for name in steps
    }
    for name in steps:
        if name != ours:
            found[f"{name}_over_{ours}"] = round(statistics.median(times[name] / times[ours] for times in rounds), 3)
    return found


def operations(batch: int, pairs: int) -> Iterator[dict[str, object]]:
    """The operation alone, forward and backward."""
    [kernel] = kernels_for(Catalogue.read(), OPERATION)
    reference, implementation = resolve(kernel.spec.reference), resolve(kernel.spec.implementation)
    for dtype in DTYPES:
        for layout, memory_format in LAYOUTS.items():
            for channels, side in MAPS:
                torch.compiler.reset()
                shape = (batch, channels, side, side)
                x, residual, upstream = (
                    torch.randn(shape, device="cuda", dtype=dtype).to(memory_format=memory_format) for _ in range(3)
                )
                gate = torch.rand((batch, channels, 1, 1), device="cuda", dtype=dtype)
                leaves = [tensor.requires_grad_() for tensor in (x, gate, residual)]

                def both_ways(function: Callable[..., torch.Tensor], leaves=leaves, upstream=upstream) -> Step:
                    return lambda: torch.autograd.grad(function(*leaves), leaves, upstream)

                steps = {
                    "kernel": both_ways(implementation),
                    "eager": both_ways(reference),
                    "compiled": both_ways(torch.compile(reference)),
                }
                about = {"operation": OPERATION, "dtype": str(dtype), "layout": layout, "shape": list(shape)}
                yield about | compared(steps, "kernel", pairs)


def training_step(use: str, compiled: bool, images: torch.Tensor, targets: torch.Tensor) -> Step:
    """A step of the whole model in bf16 and channels last, under a policy for kernels."""
    os.environ["VISTRY_KERNELS"] = use
    model = vistry.create(MODEL, task="multiclass", num_classes=10)
    model = model.to("cuda", memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    forward = torch.compile(model) if compiled else model

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(forward(images), targets)
        loss.backward()
        optimizer.step()

    return step


def models(batch: int, pairs: int) -> Iterator[dict[str, object]]:
    """A training step with the kernel and without, eager and compiled."""
    images = torch.randn((batch, 3, IMAGE, IMAGE), device="cuda").to(memory_format=torch.channels_last)
    targets = torch.randint(10, (batch,), device="cuda")
    for compiled in (False, True):
        torch.compiler.reset()
        steps = {
            "kernel": training_step("require", compiled, images, targets),
            "reference": training_step("off", compiled, images, targets),
        }
        about = {"model": MODEL, "batch": batch, "compiled": compiled}
        yield about | compared(steps, "kernel", pairs)


def main() -> None:
    """Print a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        nothing = "there is no GPU: nothing to measure, since on a processor no kernel is used"
        print(json.dumps({"skipped": nothing}) if options.json else nothing)
        return
    if not options.json:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; the kernel wins where a ratio is above 1")
    for measured in (operations, models):
        for found in measured(options.batch, options.pairs):
            line = {"device": torch.cuda.get_device_name(), **found}
            print(json.dumps(line) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
