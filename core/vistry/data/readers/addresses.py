"""Addresses of other places, such as a store of the hosted product, which nobody fetches from."""

from __future__ import annotations

import os
import re

from vistry.data.findings import Finding, FindingError

_ADDRESS = re.compile(r"azureml:|(?!file:)[A-Za-z][A-Za-z0-9+.-]+://", re.IGNORECASE)
REMEDY = "download the images into the data folder, or name the folder that has them with --images DIR"


def is_address(name: str) -> bool:
    """Whether a path is an address, or a reference of the hosted product, and not a path of this machine."""
    return _ADDRESS.match(name) is not None


def check_here(name: str, image: str) -> None:
    """Raise FindingError where an image is named by an address, and the path that stands for it isn't there."""
    if is_address(name) and not os.path.isfile(image):  # noqa: PTH113 - text: a million rows pass here
        message = f"'{name}' is an address of another place, and no image of its name is here"
        raise FindingError(Finding.of("path-remote", message).advising(REMEDY))
