"""Tags and facts of the author's own, of the family and of the model."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import vistry

HEAD = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]
tags = ["old", "mobile"]
"""
FACTS = """paper = "p"
years = [2015, { month = 12 }]
open = true
"""
MODELS = """
[models.own]
summary = "s"
parameters = 1
tags = ["mobile", "small"]
metadata = { paper = "its own" }

[models.other]
summary = "s"
parameters = 1
"""


def test_a_model_has_its_familys_and_its_own(lay_out: Callable[..., Path]) -> None:
    lay_out("one", manifest=f"{HEAD}[metadata]\n{FACTS}{MODELS}")
    own, other = vistry.model("own").to_dict(), vistry.model("other").to_dict()
    assert (own["tags"], other["tags"]) == (["old", "mobile", "small"], ["old", "mobile"])
    assert other["metadata"] == tomllib.loads(FACTS)
    assert own["metadata"] == {**tomllib.loads(FACTS), "paper": "its own"}
    assert [card.name for card in vistry.models(tag="small")] == ["own"]
