"""The catalogue of the doctor's checks, by id."""

from __future__ import annotations

from vistry.data.catalogue import classes, images, objects, reading
from vistry.data.catalogue.check import Check

PARTS = (reading, objects, images, classes)
CHECKS: dict[str, Check] = {check.id: check for part in PARTS for check in part.CHECKS}
# Of equal severity, what is wrong with the whole comes before what is wrong with one image.
GRAVITY = {check.id: at for at, check in enumerate([*classes.CHECKS, *objects.CHECKS, *reading.CHECKS, *images.CHECKS])}
