"""`--runner`: who trains the trials of a sweep."""

from __future__ import annotations

import click

LOCAL = "local"

runner_option = click.option("--runner", help="Who trains: local, this machine, or ray, a Ray cluster. [local]")
