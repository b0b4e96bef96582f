"""YOLOv5 passes the checks for plugins, without an exception."""

from __future__ import annotations

from vistry.testing import plugin_checks

test_plugin = plugin_checks("yolov5")
