"""Every run of the tests draws the same numbers and examples, and takes the time it takes."""

import sys

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _the_same_random_numbers() -> None:
    """torch, where a test has it, begins each test at the same place."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
