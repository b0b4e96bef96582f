"""The kernels on a GPU, against eager torch and against torch.compile, in one run.

First each operation alone, forward and, where it has gradients, backward, at the sizes it has in its models; then a
training step of SE-ResNeXt, with its kernel and without, eager and compiled. Every column is measured in turn, and the
figures are medians of pairs: `python benchmarks/kernels.py [--batch 32] [--pairs 20] [--only NAME] [--json]`. A kernel
is kept if its ratios are above 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import vistry
from vistry.kernels.dispatch import Argument, resolve
from vistry.kernels.table import all_kernels
from vistry.registry.catalogue import Catalogue

MODEL, IMAGE = "seresnext", 224
MAPS = ((256, 56), (512, 28), (1024, 14), (2048, 7))
ANCHORS = 163_206  # of RetinaNet at 800 by 1,088 pixels
IMAGES = 8  # of a detector's batch
DTYPES = (torch.bfloat16, torch.float32)
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
Step = Callable[[], object]


@dataclass(frozen=True)
class Call:
    """An operation's arguments, what to say of them, and the tensors that want gradients."""

    about: dict[str, object]
    arguments: tuple[Argument, ...]
    leaves: tuple[torch.Tensor, ...] = ()
    compiles: bool = True


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


def scale_add_relu(batch: int) -> Iterator[Call]:
    """The end of the blocks of SE-ResNeXt-50 at 224 pixels."""
    for dtype in DTYPES:
        for layout, memory_format in LAYOUTS.items():
            for channels, side in MAPS:
                shape = (batch, channels, side, side)
                x, residual = (
                    torch.randn(shape, device="cuda", dtype=dtype).to(memory_format=memory_format) for _ in range(2)
                )
                gate = torch.rand((batch, channels, 1, 1), device="cuda", dtype=dtype)
                leaves = (x.requires_grad_(), gate.requires_grad_(), residual.requires_grad_())
                yield Call({"dtype": str(dtype), "layout": layout, "shape": list(shape)}, leaves, leaves)


def sigmoid_focal_loss(batch: int) -> Iterator[Call]:  # noqa: ARG001
    """Every anchor of a batch of photographs, most of them background, with 80 and with 5 classes."""
    for dtype in DTYPES:
        for known in (80, 5):
            logits = torch.randn((IMAGES, ANCHORS, known), device="cuda", dtype=dtype).sub_(4).requires_grad_()
            drawn = torch.rand(logits.shape[:2], device="cuda")
            classes = torch.randint(known, drawn.shape, device="cuda").masked_fill(drawn > 0.001, -1)
            classes = classes.masked_fill(drawn > 0.995, -2)
            about: dict[str, object] = {"dtype": str(dtype), "shape": list(logits.shape)}
            yield Call(about, (logits, classes, 0.25, 2.0), (logits,))


def batched_nms(batch: int) -> Iterator[Call]:  # noqa: ARG001
    """Of a batch of photographs: proposals, a dense detector's best boxes, and every class of every proposal."""
    for boxes, labels, score, most in ((1000, 1, 0.0, 300), (5000, 80, 0.05, 100), (90_000, 90, 0.95, 100)):
        corner = torch.rand((IMAGES, boxes, 2), device="cuda") * 800
        size = torch.rand((IMAGES, boxes, 2), device="cuda") * 200
        scores = torch.rand((IMAGES, boxes), device="cuda")
        named = torch.randint(labels, (IMAGES, boxes), device="cuda")
        arguments = (torch.cat([corner, corner + size], dim=2), scores, named, score, 0.5, most)
        about: dict[str, object] = {"shape": [IMAGES, boxes], "labels": labels, "score": score, "most": most}
        yield Call(about, arguments, compiles=False)  # how many boxes an image keeps, a graph can't know


def decode_head(batch: int) -> Iterator[Call]:
    """Each head of YOLOv5 at 640 pixels, of one image and of a batch, as trained: one cell in a hundred sees something.

    And with a threshold that every anchor is above, which is the kernel's worst.
    """
    anchors = torch.tensor([[10.0, 13.0], [16.0, 30.0], [33.0, 23.0]], device="cuda")
    for images in (1, batch):
        for layout, memory_format in LAYOUTS.items():
            for stride, threshold in ((8, 0.01), (16, 0.01), (32, 0.01), (8, -1.0)):
                shape = (images, 3 * 85, 640 // stride, 640 // stride)
                logits = torch.randn(shape, device="cuda").sub_(2)
                sees = torch.rand((images, 3, 1, *shape[2:]), device="cuda") < 0.01
                logits.view(images, 3, 85, *shape[2:])[:, :, 4:5].sub_(6).add_(8 * sees)
                about: dict[str, object] = {"layout": layout, "shape": list(shape), "threshold": threshold}
                yield Call(about, (logits.to(memory_format=memory_format), anchors, stride, threshold))


def complete_iou(batch: int) -> Iterator[Call]:  # noqa: ARG001
    """The candidates of a batch on one level: few objects, and a crowd."""
    for count in (1_000, 100_000):
        boxes, targets = torch.rand((2, count, 4), device="cuda").mul_(4).add_(0.1)
        leaf = boxes.clone().requires_grad_()
        yield Call({"shape": [count, 4]}, (leaf, targets), (leaf,))


CALLS: dict[str, Callable[[int], Iterator[Call]]] = {
    "scale_add_relu": scale_add_relu,
    "sigmoid_focal_loss": sigmoid_focal_loss,
    "batched_nms": batched_nms,
    "decode_head": decode_head,
    "complete_iou": complete_iou,
}


def step_of(function: Callable[..., torch.Tensor], call: Call) -> Step:
    """The call, with the way back if it has one."""
    if not call.leaves:
        return lambda: function(*call.arguments)

    def step() -> object:
        result = function(*call.arguments)
        return torch.autograd.grad(result, call.leaves, torch.ones_like(result))

    return step


def operations(batch: int, pairs: int, only: str | None) -> Iterator[dict[str, object]]:
    """Each operation alone."""
    for kernel in all_kernels(Catalogue.read()):
        name = kernel.spec.operation
        if name not in CALLS or only not in (None, name):
            continue
        reference, implementation = resolve(kernel.spec.reference), resolve(kernel.spec.implementation)
        for call in CALLS[name](batch):
            torch.compiler.reset()
            steps = {"kernel": step_of(implementation, call), "eager": step_of(reference, call)}
            if call.compiles:
                steps["compiled"] = step_of(torch.compile(reference), call)
            yield {"operation": name, **call.about} | compared(steps, "kernel", pairs)


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


def measured(batch: int, pairs: int, only: str | None) -> Iterator[dict[str, object]]:
    """Every comparison, or those of one operation."""
    yield from operations(batch, pairs, only)
    if only in (None, "scale_add_relu"):
        yield from models(batch, pairs)


def main() -> None:
    """Print a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--only", choices=tuple(CALLS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        nothing = "there is no GPU: nothing to measure, since on a processor no kernel is used"
        print(json.dumps({"skipped": nothing}) if options.json else nothing)
        return
    if not options.json:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; the kernel wins where a ratio is above 1")
    for found in measured(options.batch, options.pairs, options.only):
        line = {"device": torch.cuda.get_device_name(), **found}
        print(json.dumps(line) if options.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
