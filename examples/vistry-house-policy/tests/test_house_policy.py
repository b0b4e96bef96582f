"""Everything that Vistry asks of a plugin, and the rules on whatever models are installed."""

from __future__ import annotations

import pytest
import vistry
from vistry.hyperparameter.schema import schema_of
from vistry.registry.catalogue import Catalogue
from vistry.testing import plugin_checks

test_house_policy = plugin_checks("house_policy")


def test_every_model_has_half_of_its_learning_rate_and_few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of theirs differs from what it is without the policy."""
    with_it = Catalogue.read()
    monkeypatch.setenv("VISTRY_DISABLE", "house_policy")
    without = Catalogue.read()
    cards = vistry.models()
    assert cards
    for card in cards:
        for task in card.tasks:
            own, ours = (schema_of(catalogue, card, task).defaults() for catalogue in (without, with_it))
            assert ours["learning_rate"] == own["learning_rate"] / 2
            assert ours["number_of_epochs"] == min(own["number_of_epochs"], 50)
            changed = {name for name in own if own[name] != ours[name]}
            assert changed <= {"learning_rate", "number_of_epochs"}
