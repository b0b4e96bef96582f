"""Everything that Vistry asks of a plugin, of models that a seed chooses, each of another family."""

import pytest
from vistry.testing import plugin_checks
from vistry_timm.verify import sample

SMALL = 4_000_000  # parameters of a network that is checked in seconds
DRAWN = sample(46, seed=16)
FEW = [card.name for card in DRAWN if card.parameters < SMALL][:6]
MANY = [card.name for card in DRAWN if card.name not in FEW]

# Its spatial attention has norms over one channel, less itself: no input gives their weights a gradient.
EXPECTED = {("csatv2", "loss_reaches_every_parameter"): "layer norms over one channel"}

test_timm = plugin_checks("timm", models=FEW)
test_more_of_timm = pytest.mark.long(plugin_checks("timm", models=MANY, expected=EXPECTED))
