"""Everything that Vistry asks of a plugin, of models that a seed chooses, each of another family."""

import pytest
from vistry.testing import plugin_checks
from vistry_timm.verify import sample

FEW = [card.name for card in sample(6, seed=16)]
MANY = [card.name for card in sample(46, seed=16) if card.name not in FEW]

# Their last stages have one place at the smallest input, of which neither attention nor pooling changes anything.
EXPECTED = {
    ("csatv2", "loss_reaches_every_parameter"): "attention over one place",
    ("poolformerv2_s12", "loss_reaches_every_parameter"): "pooling over one place",
}

test_timm = plugin_checks("timm", models=FEW, expected=EXPECTED)
test_more_of_timm = pytest.mark.long(plugin_checks("timm", models=MANY))
