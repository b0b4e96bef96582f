"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_efficientnet_lite = plugin_checks("efficientnet_lite", heavy="smallest")
