"""Every run of the tests draws the same examples, and takes the time it takes."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
