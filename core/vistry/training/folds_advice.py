"""What to type where a data set is so small that one part of it measures little."""

from __future__ import annotations

from vistry.training.plan import Plan

FEW_IMAGES = 500
FEWEST = 10  # below this, folds have an image or two
PROPOSED = 5


def folds_advice(plan: Plan) -> str:
    """Recommend --folds for a small data set that a part was drawn from to validate; nothing for others."""
    images, validation = len(plan.training) + len(plan.validation), len(plan.validation)
    if plan.split.way != "drawn" or not FEWEST <= images < FEW_IMAGES:
        return ""
    return (
        f"of {images} images {validation} are measured on, which says little; --folds {PROPOSED} measures on each "
        "once, and lists the labels that are probably wrong"
    )
