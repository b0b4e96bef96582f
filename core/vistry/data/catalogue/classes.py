"""Checks of a data set as a whole: its classes, its splits, and images that repeat."""

from __future__ import annotations

from vistry.data.catalogue.check import Check

CHECKS = (
    Check("class-untrained", "warning", "a class without training images", "add training images of this class"),
    Check("class-unvalidated", "warning", "a class without validation images", "add validation images of this class"),
    Check("class-unused", "info", "declared classes without an object, which are left out", ""),
    Check("class-names", "error", "class names that contradict their number", "correct one of the two"),
    Check(
        "class-unnamed",
        "warning",
        "class numbers without a file of class names, which are called by their numbers",
        "write the names into classes.txt, a line each, or into data.yaml",
    ),
    Check(
        "class-same-name",
        "warning",
        "several class numbers of one name",
        "give them different names, or one number",
    ),
    Check(
        "class-names-differ",
        "warning",
        "several files of class names that differ, of which one is used",
        "remove those that don't belong to the labels",
    ),
    Check(
        "negative-assumed",
        "warning",
        "images without the annotation file that others have, which train as negatives",
        "label them, or add an empty file for each image without objects",
    ),
    Check("image-background", "info", "images without objects, which train as negatives", ""),
    Check("class-empty", "warning", "a class folder without images", "add images or remove the folder"),
    Check(
        "image-repeated",
        "warning",
        "an image listed again with the same labels; the first row is used",
        "remove the row",
    ),
    Check(
        "image-duplicate",
        "warning",
        "files with the same bytes, which are kept in one split",
        "remove all but one",
    ),
    Check("label-conflict", "warning", "the same image with different labels", "correct the wrong label"),
    Check(
        "group-straddles",
        "warning",
        "images that belong together by --group-by, in several of the data's own splits",
        "move each group into one split, or leave the splits to Vistry",
    ),
    Check(
        "group-suspected",
        "warning",
        "names that run on in numbers, whose neighbours look alike, in a split that is drawn image by image",
        "keep together what belongs together: --group-by with a column or a pattern",
    ),
    Check(
        "split-leak",
        "error",
        "the same image in two splits; the training copy is left out",
        "remove one of the two",
    ),
    Check(
        "label-similar",
        "warning",
        "class names that differ by case, spaces or a letter",
        "if they are one class, give them one name",
    ),
    Check("class-few", "warning", "a class with fewer than 10 images", "add images of this class"),
    Check(
        "class-imbalance",
        "warning",
        "the largest class has over 10 times the images of the smallest",
        "try weighted_loss, or add images of the small classes",
    ),
    Check("class-single", "error", "a single class, so that there is nothing to learn", "add images of another class"),
    Check(
        "split-impossible",
        "error",
        "images that can't be divided into training and validation",
        "add images, or give a validation set",
    ),
    Check(
        "objects-crowd",
        "error",
        "training images whose objects are all crowds, or that have none",
        "label objects one by one, or correct what marks them as crowds, such as iscrowd or difficult",
    ),
    Check(
        "validation-unlabelled",
        "error",
        "validation images whose objects are all crowds, or that have none",
        "label objects in them, or hold other images out",
    ),
    Check(
        "split-empty",
        "error",
        "a split of which no image can be used",
        "replace its images, or take the split out of the data",
    ),
    Check("data-small", "warning", "fewer than 10 training images", "add images"),
)
