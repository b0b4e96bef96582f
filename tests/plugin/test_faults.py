"""A plugin that is wrong in any hook, in any way: one sentence names it, and the traceback is a file."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SAMPLED = 32  # of the generated cases, as the seed draws them
SEED = 14

# A return value of each hook that is out of range, and what is said about it.
OUT_OF_RANGE = {
    "vistry_freezing_map": ("FreezingMap('conv.')", "groups aren't tuples of texts"),
    "vistry_default_hyperparameters": ("{'learning_rate': 2}", "learning_rate = 2 must be a number in [0, 1]"),
    "vistry_check_hyperparameters": ("[Problem('x', 'is bad', severity='fatal')]", 'the severity "fatal"'),
    "vistry_resolve_auto": ("{1: 2}", "the key 1; keys are names"),
    "vistry_rate_factors": ("{'nowhere.': 0.1}", "has the prefix 'nowhere.', which matches no parameter"),
    "vistry_build_loss": ("lambda model, images, targets: {}", "no terms of the loss"),
    "vistry_build_postprocess": ("lambda outputs, sizes: outputs.softmax(1).numpy()[1:]", "predictions for"),
    "vistry_build_input": ("FreezingMap(())", "which has no method dataset"),
    "vistry_fit_to_data": ("FittedTensors({'nowhere': zeros(3)})", "a tensor 'nowhere', which the model doesn't have"),
    "vistry_preprocessing": ("PreprocessingSpec(std=(0, 1, 1))", "deviations above 0"),
    "vistry_map_weights": ("{'conv.bias': 1.0}", "float under 'conv.bias'; each must be a numpy array"),
    "vistry_kernels": ("['fast']", "a list of KernelSpec"),
    "vistry_build_model": ("dict", "return a module of torch (torch.nn.Module)"),
}
IMPORTS = """
from numpy import zeros
from vistry.plugin import FittedTensors, FreezingMap, PreprocessingSpec, Problem
"""
OWN = "\n@hookimpl\ndef {hook}():\n    return {answer}\n"
WRAPPER = "\n@hookimpl(wrapper=True)\ndef {hook}():\n    before = yield\n    return {answer}\n"
COMPUTED = {
    "vistry_default_hyperparameters": "computes_defaults = true\n",
    "vistry_kernels": "computes_kernels = true\n",
}


@dataclass(frozen=True)
class Case:
    """A hook of the model's owner, or of a plugin that wraps it, which answers wrongly."""

    hook: str
    role: str
    fault: str
    answer: str
    said: str

    def __str__(self) -> str:
        return f"{self.hook}-{self.role}-{self.fault}"


def cases() -> Iterator[Case]:
    for hook, (wrong, said) in OUT_OF_RANGE.items():
        for role in ("owner", "wrapper"):
            yield Case(hook, role, "raises", "1 / 0", "raised ZeroDivisionError: division by zero")
            yield Case(hook, role, "none", "None", "returned None")
            yield Case(hook, role, "type", "object()", "returned object")
            yield Case(hook, role, "range", wrong, said)


def sampled() -> list[Case]:
    everything = [case for case in cases() if not (case.hook == "vistry_build_model" and case.role == "owner")]
    return random.Random(SEED).sample(everything, SAMPLED)


@pytest.mark.parametrize("case", sampled(), ids=str)
def test_a_hook_that_is_wrong(case: Case, write: Callable[..., Path], train: Any, run: Any) -> None:
    text = (OWN if case.role == "owner" else WRAPPER).format(hook=case.hook, answer=case.answer)
    is_owner = case.role == "owner"
    head = COMPUTED.get(case.hook, "") if is_owner else f'wraps = ["{case.hook}"]\n'
    faulty = write("faulty", hooks=IMPORTS + text, head=head)
    model = "faultynet"
    if not is_owner:
        write("sound")
        model = "soundnet"
    said = run("kernels") if case.hook == "vistry_kernels" else train(model, *_weights(case, run, train, write))
    assert_names(said, "faulty", case.hook, faulty / "hooks.py")
    assert case.said in said.text, said.text


def _weights(case: Case, run: Any, train: Any, write: Callable[..., Path]) -> tuple[object, ...]:
    """Weights to map, where the case is about mapping them."""
    if case.hook != "vistry_map_weights":
        return ()
    import torch

    torch.save({"conv.weight": torch.zeros(4, 3, 3, 3)}, "weights.pt")
    assert run("weights", "import", "weights.pt").status == 0
    return ("--weights", "weights.safetensors")


def assert_names(said: Any, plugin: str, what: str, file: Path) -> None:
    """Assert that one sentence names plugin, hook, file and line, and a file that has the traceback."""
    assert said.status == 2, said.text
    [line] = [line for line in said.text.splitlines() if not line.startswith(("warning: ", "note: "))]
    assert line.startswith(f"error: the plugin '{plugin}' of vistry-{plugin} 1.0 is broken: "), line
    assert what in line
    assert f"({file}:" in line
    assert line.endswith(f"type: vistry plugins check {plugin}, or go on without it: vistry plugins disable {plugin}")
    assert "Traceback" not in said.text
    if "raised" in line:
        assert "Traceback" in said.traceback_file.read_text()
