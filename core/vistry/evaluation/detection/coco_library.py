"""The library behind COCO's metrics and masks, imported when it is first needed."""

from __future__ import annotations

from typing import Any

from vistry.errors import VistryError


def hotcoco() -> Any:
    """The module hotcoco. Raises VistryError where it is not installed."""
    try:
        import hotcoco
    except ImportError as error:
        raise VistryError(
            "hotcoco is not installed: it computes COCO's metrics and the overlap of masks; "
            "type: pip install 'vistry[detection]', or for boxes alone set validation_metric_type = voc"
        ) from error
    return hotcoco
