"""Faster R-CNN passes the checks for plugins; tests/detection holds it against torchvision's."""

from __future__ import annotations

from vistry.testing import plugin_checks

test_plugin = plugin_checks("fasterrcnn", heavy="smallest")
