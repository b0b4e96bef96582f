"""Written sweeps, as the tests of reports have them."""

from tests.sweep.report.conftest import _write_sweep

__all__ = ["_write_sweep"]
