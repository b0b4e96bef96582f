"""The kernel, and the block that uses it, against timm's own block and the kernel's reference."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import vistry
from timm.models.senet import SEResNeXtBottleneck, legacy_seresnext50_32x4d
from torch import nn
from vistry.errors import RegistryError
from vistry.kernels import disagreements, kernels_for, operation
from vistry.registry.catalogue import Catalogue
from vistry.testing.triton_kernels import compile_for_gpu, run_in_interpreter
from vistry_seresnext.torch_model import Block

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch on Linux alone")
MAPS = torch.randn((3, 64, 5, 5), generator=torch.Generator().manual_seed(0))


def pair(policy: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Block, SEResNeXtBottleneck]:
    """Our block and timm's, with equal weights."""
    monkeypatch.setenv("VISTRY_KERNELS", policy)
    torch.manual_seed(0)
    shortcut = nn.Sequential(nn.Conv2d(64, 256, 1, bias=False), nn.BatchNorm2d(256))
    theirs = SEResNeXtBottleneck(64, 64, 32, 16, downsample=shortcut).to(memory_format=torch.channels_last)
    ours = Block(64, 64, 32, 16, downsample=nn.Sequential(nn.Conv2d(64, 256, 1, bias=False), nn.BatchNorm2d(256)))
    ours.load_state_dict(theirs.state_dict())
    ours.scale_add_relu = operation("scale_add_relu")
    return ours.to(memory_format=torch.channels_last), theirs


def run_once(block: nn.Module, dtype: torch.dtype) -> list[torch.Tensor]:
    """The result, the gradients, and the running statistics after a step."""
    maps = MAPS.contiguous(memory_format=torch.channels_last).clone().requires_grad_()
    with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
        result = block(maps)
    result.float().square().sum().backward()
    gradients = [parameter.grad for parameter in block.parameters() if parameter.grad is not None]
    assert maps.grad is not None
    return [result.detach(), maps.grad, *gradients, *block.buffers()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("policy", ["auto", "off"])
def test_on_a_processor_a_block_has_the_bits_of_timms(
    policy: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pair(policy, monkeypatch)
    for mine, expected in zip(run_once(ours, dtype), run_once(theirs, dtype), strict=True):
        assert torch.equal(mine, expected)
        assert mine.stride() == expected.stride()


def test_the_network_has_the_bits_and_the_names_of_timms() -> None:
    ours = vistry.create("seresnext", task="multiclass", num_classes=3).eval()
    theirs = legacy_seresnext50_32x4d(num_classes=3, drop_rate=0.0).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn((1, 3, 224, 224), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(ours(image), theirs(image))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is what the kernel is for")
def test_where_kernels_are_required_a_processor_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_KERNELS", "require")
    with pytest.raises(RegistryError) as caught:
        vistry.create("seresnext", task="multiclass", num_classes=3)
    assert str(caught.value) == (
        "VISTRY_KERNELS requires kernels, but no kernel for 'scale_add_relu' runs on this machine (needs cuda); "
        "use auto to fall back to the reference"
    )


@needs_triton
def test_the_kernel_in_the_interpreter() -> None:
    run_in_interpreter(Path(__file__).with_name("interpreted_kernels.py"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU; the interpreter stands in for it")
def test_the_kernel_on_a_gpu() -> None:
    [kernel] = kernels_for(Catalogue.read(), "scale_add_relu")
    assert disagreements(kernel.spec) == []


@needs_triton
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize(
    ("dtype", "channels_last", "blocks"),
    [("bf16", True, (64, 64)), ("fp16", True, (64, 64)), ("fp32", False, (4, 1024))],
)
def test_it_compiles_for_gpus_that_are_not_here(
    architecture: int, dtype: str, channels_last: bool, blocks: tuple[int, int]
) -> None:
    """And reads and writes 16 bytes at once where sizes are multiples of 16, as all of this network's channels are."""
    from vistry_seresnext.kernels import backward_kernel, forward_kernel

    constants = dict(zip(("CHANNELS_LAST", "BLOCK_C", "BLOCK_P"), (channels_last, *blocks), strict=True))
    for kernel, maps in ((forward_kernel, 3), (backward_kernel, 5)):
        numbers = len(kernel.arg_names) - len(constants)
        types = {name: f"*{dtype}" if name.endswith("_at") else "i32" for name in kernel.arg_names[:numbers]}
        types |= {"gate_sums_at": "*fp32"} if "gate_sums_at" in types else {}
        ptx = compile_for_gpu(kernel, types, constants, architecture, divisible_by_16=list(types), num_warps=8)
        wide = ptx.count("ld.global.v4.b32") + ptx.count("st.global.v4.b32")
        assert wide >= maps * blocks[0] * blocks[1] * (4 if dtype == "fp32" else 2) // (8 * 32 * 16)
