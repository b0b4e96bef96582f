"""docs/reference/kernels.md says what is so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.kernels import listing
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import DEVICES, Cast, KernelSpec
from vistry.registry.policy import KernelUse

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "kernels.md").read_text()


def test_the_example_session_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a GPU."""
    monkeypatch.setattr(listing, "absent_device", lambda device: f"this machine has no {device} device")
    [(command, printed)] = re.findall(r"\$ vistry ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
    assert CliRunner().invoke(main, command.split()).stdout == printed


def test_the_manifest_of_the_page_is_the_plugins() -> None:
    [text] = re.findall(r"<!-- checked: the kernel of seresnext -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    manifest = Catalogue.read().plugin("seresnext").path
    assert manifest is not None
    assert tomllib.loads(text)["kernels"] == tomllib.loads(manifest.read_text())["kernels"]


def test_the_page_names_every_word_of_policy_every_key_and_every_device() -> None:
    for word in (*get_args(KernelUse), *get_args(Cast)):
        assert f"\n| `{word}` | " in PAGE
    for name in {field.name for field in fields(KernelSpec)} - {"summary"}:
        assert f"\n| `{name}` | " in PAGE
    for device in DEVICES:
        assert f"`{device}`" in PAGE
