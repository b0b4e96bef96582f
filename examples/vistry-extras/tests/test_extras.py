"""Everything that Vistry asks of a plugin."""

from vistry.testing import plugin_checks

test_extras = plugin_checks("extras")
