"""Checks of image files: what is broken, and what was converted."""

from __future__ import annotations

from vistry.data.catalogue.check import Check

CHECKS = (
    Check("image-empty", "error", "the image file has zero bytes", "restore the file"),
    Check("image-unreadable", "error", "not an image, or a broken one", "replace the file"),
    Check("image-truncated", "error", "the image ends too early", "copy the file again from its source"),
    Check("image-unsupported", "error", "an image format Vistry doesn't read", "convert it to JPEG or PNG"),
    Check(
        "image-bomb",
        "error",
        "more pixels than the limit, or data that unpacks to too much",
        "replace the file, or scale the image down",
    ),
    Check(
        "image-extension",
        "warning",
        "the extension says another format than the content, which is used",
        "rename the file",
    ),
    Check("image-small", "warning", "the shorter side is under 16 pixels", "check that it is not a thumbnail"),
    Check(
        "image-faint",
        "warning",
        "16-bit pixels, nearly all below a sixteenth of the range, of which 8 bits keep little",
        "stretch the values over the whole range",
    ),
    Check("image-rotated", "info", "EXIF orientation, which is applied", ""),
    Check("image-cmyk", "info", "CMYK, which is converted to RGB (Adobe inversion undone)", ""),
    Check("image-16bit", "info", "16 bits a channel, which are scaled to 8", ""),
    Check("image-float", "info", "float, 32-bit or signed 16-bit pixels, scaled from minimum to maximum", ""),
    Check("image-palette", "info", "a palette, which is looked up", ""),
    Check("image-alpha", "info", "transparency, which is laid over white", ""),
    Check("image-grey", "info", "grey or 1-bit pixels, which are repeated in three channels", ""),
    Check("image-colour-space", "info", "LAB, YCbCr or HSV, which is converted to RGB", ""),
    Check("image-frames", "info", "several frames or pages, of which the first is used", ""),
)
