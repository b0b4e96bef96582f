"""A manifest that uses what a later plugin API added than the one it names is told so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vistry.registry import api_versions, manifest, manifest_file
from vistry.registry.manifest_file import read_manifest
from vistry.registry.toml_file import TomlFileError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "plugin-api-versions.md"
TEXT = """manifest = 1
api = "1.0"
hooks = "vistry_x.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]
checkpoint_notice = "Ask first."

[models.net]
summary = "A model"
parameters = 10
args = { depth = 3 }

[models.net.weights.imagenet]
source = "https://example.org/net.safetensors"
sha256 = "00000000"
license = "MIT"
"""
KERNEL = """
[[kernels]]
operation = "square"
summary = "s"
devices = ["cpu"]
implementation = "vistry_x.a:b"
reference = "vistry_x.a:c"
samples = "vistry_x.a:d"
tolerance = { float32 = 1e-5 }
"""


@pytest.fixture(autouse=True)
def _a_later_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugin API 1.2, which made some of today's keys."""
    monkeypatch.setattr(manifest_file, "API", (1, 2))
    monkeypatch.setattr(
        api_versions,
        "ADDED_IN",
        {
            ("checkpoint_notice",): 1,
            ("models", "*", "args"): 2,
            ("models", "*", "weights", "*", "license"): 2,
            ("kernels", "*", "samples"): 1,
        },
    )


def read(text: str) -> list[str]:
    """The problems of a manifest, without the file's name."""
    path = Path("plugin.toml")
    path.write_text(text)
    try:
        read_manifest(path)
    except TomlFileError as error:
        return [str(problem).removeprefix("plugin.toml:") for problem in error.problems]
    return []


def test_each_key_is_named_with_its_line_and_the_version_it_needs() -> None:
    assert read(TEXT + KERNEL) == [
        '8: \'checkpoint_notice\' came with plugin API 1.1, and this manifest says api = "1.0"; write api = "1.1"',
        '13: \'models.net.args\' came with plugin API 1.2, and this manifest says api = "1.0"; write api = "1.2"',
        "18: 'models.net.weights.imagenet.license' came with plugin API 1.2, and this manifest says api = \"1.0\"; "
        'write api = "1.2"',
        '26: \'kernels.0.samples\' came with plugin API 1.1, and this manifest says api = "1.0"; write api = "1.1"',
    ]


def test_a_manifest_of_that_version_may_use_them() -> None:
    later = TEXT.replace('"1.0"', '"1.1"')
    assert [problem.partition(" ")[0] for problem in read(later)] == ["13:", "18:"]
    assert read(TEXT.replace('"1.0"', '"1.2"') + KERNEL.replace("square", "cube")) == []


def test_the_page_lists_each_version_and_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    page = PAGE.read_text()
    major, minor = manifest.API
    assert re.findall(r"^## (\S+)$", page, re.MULTILINE) == [f"{major}.{number}" for number in range(minor + 1)]
    for key, added in api_versions.ADDED_IN.items():
        section = page.partition(f"\n## {major}.{added}\n")[2].partition("\n## ")[0]
        assert f"`{'.'.join(key)}`" in section
