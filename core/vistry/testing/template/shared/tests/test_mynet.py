"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_mynet = plugin_checks("mynet")
