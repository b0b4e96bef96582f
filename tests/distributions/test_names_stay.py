"""A plugin with a thousand models takes no name away: all others keep their plugin and their meaning beside it."""

from __future__ import annotations

import pytest
import vistry
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import TASK_NAMES


def test_each_name_means_the_same_with_and_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    with_timm = Catalogue.read()
    monkeypatch.setenv("VISTRY_DISABLE", "timm")
    without = Catalogue.read()
    assert len(with_timm.cards) > len(without.cards) + 1000
    assert [card for card in with_timm.cards if card.family != "timm"] == list(without.cards)
    for name, card in without.meanings.items():
        assert with_timm.model(name) == card == with_timm.model(card.full_name)
        assert with_timm.names_of(with_timm.model(name)) == without.names_of(card)
    for task in TASK_NAMES:
        assert with_timm.default_model(task) == without.default_model(task)
    for filters in ({"backbone": "resnet50"}, {"backbone": "mobilenetv2"}, {"name": "resnet18"}):
        before = [card.full_name for card in without.models(**filters)]
        assert [card.full_name for card in with_timm.models(**filters) if card.family != "timm"] == before


def test_no_plugin_is_in_conflict() -> None:
    assert {plugin.name: plugin.state for plugin in vistry.plugins() if plugin.state != "ok"} == {}


def test_timms_own_model_of_a_taken_name_has_its_full_one() -> None:
    assert vistry.model("resnet50").family == "resnet"
    assert vistry.model("timm/resnet50").distribution == "vistry-timm"
    assert vistry.model("fasterrcnn_timm.resnet50_fpn").to_dict()["backbone"] == "timm/resnet50"
    assert vistry.model("fasterrcnn_resnet50_fpn").to_dict()["backbone"] == "resnet/resnet50"
