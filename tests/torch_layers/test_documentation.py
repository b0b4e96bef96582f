"""The how-to page for authors of detectors names every part of the room, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import vistry.torch_layers

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-detector.md").read_text()


def test_every_part_is_named_and_has_an_example() -> None:
    examples = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    for name in vistry.torch_layers.__all__:
        assert re.search(rf"\*\*`{name}\b", text), name
        assert re.search(rf"\b{name}\b", examples), name


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)
    assert names["pooled"].shape == (1, 256, 7, 7)
    assert set(names["found"]) == {"boxes", "scores", "labels"}
