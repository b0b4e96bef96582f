"""Whether the network may be used for weights."""

from __future__ import annotations

import os

# Vistry's own, and those that huggingface_hub reads.
VARIABLES = ("VISTRY_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def forbidding_variable() -> str | None:
    """Return the variable of the environment that forbids to fetch anything; None where none does."""
    for name in VARIABLES:
        if os.environ.get(name, "").casefold() not in ("", "0", "false", "no", "off"):
            return name
    return None
