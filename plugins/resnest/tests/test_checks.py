"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_resnest = plugin_checks("resnest", heavy="smallest")
