"""`--threads`: how many threads a training computes with."""

from __future__ import annotations

import click

threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="Threads to compute with, on cores of their own. [all that are free]"
)
