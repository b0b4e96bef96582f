"""docs/reference/hyperparameters.md is what the tables say."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from vistry.hyperparameter.document import document, main
from vistry.hyperparameter.offer import shared_fields
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import discover
from vistry.registry.field_spec import FieldSpec, Restriction
from vistry.registry.policy import Policy

CHECKOUT = Path(__file__).parents[2]


def test_the_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(CHECKOUT)
    main(tmp_path / "page.md")
    assert (CHECKOUT / "docs" / "reference" / "hyperparameters.md").read_text() == (tmp_path / "page.md").read_text(), (
        "type: make docs"
    )


def test_the_page_is_written_by_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vistry.hyperparameter.document", str(tmp_path / "page.md")]
    subprocess.run(command, check=True, cwd=CHECKOUT, env=os.environ)
    assert (tmp_path / "page.md").read_text().startswith("# Hyperparameters\n")


def test_every_hyperparameter_has_a_row() -> None:
    page = (CHECKOUT / "docs" / "reference" / "hyperparameters.md").read_text()
    for name in shared_fields():
        assert page.count(f"\n| `{name}` |") == 1


def test_what_a_family_changes_is_on_the_page() -> None:
    [plugin] = [plugin for plugin in discover() if plugin.name == "mobilenetv2"]
    assert plugin.manifest is not None
    manifest = replace(
        plugin.manifest,
        defaults={"image_classification": {"learning_rate": 0.5}},
        restrict={"training_crop_size": Restriction(reason="its pooling is fixed", choices=(224,))},
        exclude={"weighted_loss": "its loss has weights of its own"},
        hyperparameters={
            "dropout": FieldSpec(type="number", minimum=0, below=1, default=0.2, description="Dropout rate."),
            "width": FieldSpec(type="integer", description="Width.", unset_means="as published"),
        },
    )
    page = document(Catalogue.of([replace(plugin, manifest=manifest)], Policy()))
    assert "0.035<br>detection: 0.005<br>segmentation: 0.005<br>`mobilenetv2`, multiclass: 0.5 |" in page
    assert "| an integer of at least 1<br>`mobilenetv2`: 224 (its pooling is fixed) |" in page
    assert "It doesn't take `weighted_loss`: its loss has weights of its own." in page
    assert "| `dropout` | a number in [0, 1) | 0.2 | Dropout rate. |" in page
    assert "| `width` | an integer | as published | Width. |" in page
