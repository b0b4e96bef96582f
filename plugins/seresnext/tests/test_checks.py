"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_seresnext = plugin_checks("seresnext", heavy="smallest")
