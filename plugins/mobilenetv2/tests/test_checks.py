"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_mobilenetv2 = plugin_checks("mobilenetv2")
