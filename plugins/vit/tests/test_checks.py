"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_vit = plugin_checks("vit", heavy="smallest")
