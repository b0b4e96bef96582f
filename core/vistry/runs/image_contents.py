"""The contents of a run's images, kept beside its rows: what it trained on is known again wherever it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open

from vistry.data.contents import Contents, contents_of
from vistry.errors import RunError
from vistry.runs.checkpoint import write_tensors

IMAGE_CONTENTS = "image-contents.safetensors"
SPLITS = ("training", "validation")


def write_image_contents(folder: Path, images: Mapping[str, Sequence[str]]) -> None:
    """Read the images of each of SPLITS to the end, and write their sizes and hashes, in the order of the rows."""
    # In a file of their own: the rows are in a format that other programs read, too.
    contents = {split: contents_of(images[split]) for split in SPLITS}
    sizes = {f"{split}_sizes": one.sizes for split, one in contents.items()}
    digests = {f"{split}_digests": one.digests for split, one in contents.items()}
    write_tensors(folder / IMAGE_CONTENTS, {**sizes, **digests}, {})


def read_image_contents(folder: Path) -> Mapping[str, Contents] | None:
    """The contents of the images of each of SPLITS; None where the run was made before they were kept.

    Raises RunError for a damaged file.
    """
    path = folder / IMAGE_CONTENTS
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            return {
                split: Contents(file.get_tensor(f"{split}_sizes"), file.get_tensor(f"{split}_digests"))
                for split in SPLITS
            }
    except (OSError, SafetensorError) as error:
        remedy = "remove the file, and images are looked for at their paths"
        raise RunError(f"{path} can't be read: {error}; {remedy}") from None
