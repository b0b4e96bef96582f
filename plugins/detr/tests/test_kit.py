"""The families pass the checks for plugins; of each the smallest size is computed."""

from __future__ import annotations

import pytest
from vistry.testing import plugin_checks

test_dfine = pytest.mark.long(plugin_checks("dfine", heavy="smallest"))
test_deimv2 = pytest.mark.long(plugin_checks("deimv2", heavy="smallest"))
test_rfdetr = pytest.mark.long(plugin_checks("rfdetr", heavy="smallest"))
