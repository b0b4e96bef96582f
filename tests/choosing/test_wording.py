"""Facts in words."""

from __future__ import annotations

import pytest
from vistry.choosing.wording import bytes_text, layer_names, range_text, seconds_text
from vistry.registry.field_spec import Restriction


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([["conv1.", "bn1."], ["layer1."], ["layer2."], ["layer3."]], "conv1+bn1, layer1 to layer3"),
        ([["stem."], ["a.0."], ["a.1."], ["b.0."], ["head"]], "stem, a.0, a.1, b.0, head"),
        ([[f"blocks.{number}."] for number in range(12)], "blocks.0 to blocks.11"),
        ([["a.1."], ["a.2."], ["a.4."], ["a.5."], ["a.6."]], "a.1, a.2, a.4 to a.6"),
        ([["a.9."], ["a.10."], ["a.11."]], "a.9 to a.11"),
        ([["a.0."], ["a.1.", "norm."], ["a.2."]], "a.0, a.1+norm, a.2"),
        ([], ""),
    ],
)
def test_layers_by_group(groups: list[list[str]], text: str) -> None:
    assert layer_names(groups) == text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"choices": (224, 384)}, "224, 384"),
        ({"minimum": 16, "multiple_of": 32}, "at least 16, a multiple of 32"),
        ({"maximum": 0.5}, "at most 0.5"),
    ],
)
def test_ranges(limits: dict[str, object], text: str) -> None:
    assert range_text(Restriction(reason="r", **limits)) == text  # type: ignore[arg-type]


def test_sizes_and_times() -> None:
    assert [bytes_text(size) for size in (900, 97_800_000, 1_250_000_000)] == ["1 kB", "98 MB", "1.2 GB"]
    assert [seconds_text(seconds) for seconds in (0.01234, 0.9, 12.34)] == ["12.3 ms", "900 ms", "12.3 s"]
