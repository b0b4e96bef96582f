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


def test_the_paper_is_an_address_of_the_model_or_of_its_family(lay_out: Callable[..., Path]) -> None:
    lay_out("one", manifest=f'{HEAD}paper = "arXiv:1706.03762"\n{MODELS}', more='paper = "https://example.org/other"\n')
    lay_out("two")
    papers = {name: vistry.model(name).to_dict()["paper"] for name in ("own", "other", "twonet")}
    assert papers == {
        "own": "https://arxiv.org/abs/1706.03762",
        "other": "https://example.org/other",
        "twonet": None,
    }


def test_the_models_of_this_repository_say_where_they_are_described() -> None:
    assert [card.full_name for card in vistry.models() if not card.paper_address.startswith("https://")] == []
    assert vistry.model("resnet50").paper_address == "https://arxiv.org/abs/1512.03385"
