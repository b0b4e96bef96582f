"""Checks of boxes, polygons and masks."""

from __future__ import annotations

from vistry.data.catalogue.check import Check

CHECKS = (
    Check("annotation-repeated", "warning", "an annotation id given twice; both are used", "number them anew"),
    Check(
        "object-invalid",
        "error",
        "an object that can't be parsed, or has no class",
        "correct the object",
        of_object=True,
    ),
    Check(
        "object-orphan",
        "error",
        "objects of an image that isn't there or isn't listed",
        "restore the image, or remove its objects",
        of_object=True,
    ),
    Check(
        "object-form",
        "warning",
        "objects described in a form from which only a part is used, such as the boxes of key points",
        "",
    ),
    Check("class-unknown", "error", "an object of a class that is not declared", "declare the class", of_object=True),
    Check(
        "class-numbers",
        "error",
        "class numbers that seem to be counted from 1 and not from 0",
        "subtract 1 from every class number",
        of_all=True,
    ),
    Check(
        "box-contradiction",
        "warning",
        "most boxes differ from the extent of their own polygons, or from their area",
        "check how the file was made",
    ),
    Check("box-invalid", "error", "a box that is not four finite numbers", "draw the box again", of_object=True),
    Check(
        "box-units",
        "error",
        "pixels where fractions of the image are expected, or the reverse",
        "write all coordinates in the unit of the format",
        of_object=True,
    ),
    Check("box-swapped", "error", "a box whose corners are swapped", "swap the corners", of_object=True),
    Check("box-degenerate", "error", "a box without width or height", "remove or draw the box again", of_object=True),
    Check("box-outside", "error", "a box outside the image", "remove or draw the box again", of_object=True),
    Check(
        "box-clipped",
        "warning",
        "a box that reaches out of the image, of which the part inside is used",
        "check that the box belongs to this image",
        of_object=True,
    ),
    Check(
        "box-duplicate",
        "warning",
        "the same box with the same class twice; one is used",
        "remove one of the two",
        of_object=True,
    ),
    Check(
        "polygon-invalid",
        "error",
        "a polygon that is not pairs of finite numbers",
        "draw the polygon again",
        of_object=True,
    ),
    Check("polygon-short", "error", "a polygon of fewer than three points", "remove the polygon", of_object=True),
    Check(
        "polygon-crossing",
        "warning",
        "a polygon that crosses itself, inside of which parts are outside",
        "draw the polygon again",
        of_object=True,
    ),
    Check(
        "polygon-outside",
        "warning",
        "a polygon that reaches out of the image, of which the part inside is used",
        "check that the polygon belongs to this image",
        of_object=True,
    ),
    Check("masks-connected", "info", "masks as pictures, of which each connected region is taken for an object", ""),
    Check("mask-missing", "error", "an object without a mask", "draw its outline, or train detection", of_object=True),
    Check("mask-invalid", "error", "a mask that can't be decoded", "write the mask again", of_object=True),
    Check(
        "mask-size",
        "error",
        "a mask of another size than the upright image",
        "draw the mask on the image as it is shown",
        of_object=True,
    ),
    Check("mask-empty", "error", "a mask without a pixel in the image", "remove the object", of_object=True),
    Check(
        "objects-lost",
        "error",
        "an image of whose objects none can be used; as a negative it would teach the opposite",
        "correct its objects",
    ),
)
