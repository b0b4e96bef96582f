"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_resnet = plugin_checks("resnet", heavy="smallest")
