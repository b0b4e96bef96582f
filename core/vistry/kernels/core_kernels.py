"""Core's own kernels, for operations that every model of a task needs."""

from __future__ import annotations

from vistry.registry.manifest import KernelSpec

CORE_KERNELS = (
    KernelSpec(
        operation="batched_nms",
        summary="the best boxes of each image of a batch, without a way back to the processor; Triton",
        devices=("cuda",),
        implementation="vistry.torch_layers.nms_kernel:batched_nms",
        reference="vistry.torch_layers.nms:batched_nms",
        samples="vistry.torch_layers.nms:samples",
        cast="float32",
        tolerance={"float32": 0.0},  # its result is whole numbers, which have to be equal
    ),
)
