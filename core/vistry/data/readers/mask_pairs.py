"""Which pictures of a data folder are masks, and of which images: by their stems, their folders and what they show."""

from __future__ import annotations

import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import HEAD_BYTES, IMAGE_SUFFIXES, decoding_finding, open_image
from vistry.data.index import FolderIndex
from vistry.data.readers.split_words import words_of

# More colours than a mask has classes, and fewer than a photo has.
MAX_COLOURS = 40
SAMPLES = 3
_MASK_WORDS = frozenset(
    (
        *("mask", "masks", "gt", "groundtruth", "truth", "segmentation", "segmentations", "segmentationclass"),
        *("segmentationobject", "annot", "label", "labels"),
    )
)
# Words that may stand beside one for masks; "with_mask" is a class, "train_masks" is none.
_BESIDE_MASK = frozenset(
    ("image", "images", "png", "ground", "files", "pictures", "class", "object", "train", "val", "valid", "test")
)
_TAIL = re.compile(r"[ _.-]+(mask|masks|gt|seg|segmentation|label|labels|annot|groundtruth|l)$", re.IGNORECASE)

Values = npt.NDArray[np.uint32]


class Kind(NamedTuple):
    """Pictures of one folder, suffix and tail of the name, which are masks or images together."""

    folder: str
    suffix: str
    tail: str


@dataclass
class MaskPairs:
    """`masks`: the mask of each image that has one, relative paths. `ambiguous`: masks that may belong to several."""

    masks: dict[str, str] = field(default_factory=dict)
    ambiguous: list[str] = field(default_factory=list)


def pair_masks(index: FolderIndex) -> MaskPairs:
    """Pair images with masks, where a folder or a suffix holds masks. Opens a few pictures of each kind."""
    groups: dict[str, list[str]] = defaultdict(list)
    for image in index.images:
        groups[_split(image)[0]].append(image)
    together = [paths for paths in groups.values() if len(paths) > 1]
    kinds = _mask_kinds(index, together)
    pairs = MaskPairs()
    for paths in together:
        masks = [path for path in paths if _split(path)[1] in kinds]
        pictures = [path for path in paths if _split(path)[1] not in kinds]
        for mask in masks if pictures else ():
            nearest = _nearest(mask, pictures)
            if len(nearest) == 1 and nearest[0] not in pairs.masks:
                pairs.masks[nearest[0]] = mask
            else:
                pairs.ambiguous.append(mask)
    return pairs


def read_values(path: Path) -> Values:
    """[H, W] what a mask says of each pixel: a palette's index, a grey value, or a colour as 0xRRGGBB.

    Raises FindingError for a file that is no picture.
    """
    data = path.read_bytes()
    try:
        image = open_image(io.BytesIO(data), data[:HEAD_BYTES], str(path))
        pixels = np.asarray(image.convert("RGB") if image.mode not in ("1", "L", "P", "I;16", "I") else image)
    except FindingError as error:
        raise FindingError(Finding.of("mask-invalid", error.finding.message)) from error
    except Exception as error:
        message = decoding_finding(error, str(path), "image").message
        raise FindingError(Finding.of("mask-invalid", message)) from error
    if pixels.ndim == 2:
        return pixels.astype(np.uint32)
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    colours: Values = red << np.uint32(16) | green << np.uint32(8) | blue
    return colours


def _mask_kinds(index: FolderIndex, together: Sequence[Sequence[str]]) -> set[Kind]:
    """The kinds of pictures that are masks of others: few colours beside many, or a word for masks in the name."""
    members: dict[Kind, list[str]] = defaultdict(list)
    partners: dict[Kind, Counter[Kind]] = defaultdict(Counter)
    for paths in together:
        kinds = [_split(path)[1] for path in paths]
        for kind, path in zip(kinds, paths, strict=True):
            members[kind].append(path)
            partners[kind].update(other for other in kinds if other != kind)

    @cache
    def is_plain(kind: Kind) -> bool:
        return _are_plain(index.root, members[kind])

    masks = set()
    for kind, others in partners.items():
        if not others:
            continue
        beside = [other for other in others if other.folder == kind.folder]
        other = beside[0] if beside else others.most_common(1)[0][0]
        if _is_named_mask(other):
            continue
        # Beside an image what it shows tells, in another folder a word has to: images of classes may share names, too.
        if (_is_named_mask(kind) and is_plain(kind)) or (
            kind.folder == other.folder and is_plain(kind) and not is_plain(other)
        ):
            masks.add(kind)
    return masks


def _are_plain(root: Path, paths: Sequence[str]) -> bool:
    """Whether a few of these pictures have few colours each."""
    step = max(1, len(paths) // SAMPLES)
    counts = []
    for path in paths[::step][:SAMPLES]:
        try:
            counts.append(len(np.unique(read_values(root / path))))
        except FindingError:
            continue
    return bool(counts) and max(counts) <= MAX_COLOURS


def is_mask_folder(name: str) -> bool:
    """Whether a folder's name says that masks are in it."""
    words = [word for word in words_of(name) if word not in _BESIDE_MASK]
    return bool(words) and all(word in _MASK_WORDS or word.endswith(("annot", "masks")) for word in words)


def _is_named_mask(kind: Kind) -> bool:
    return bool(kind.tail) or is_mask_folder(kind.folder.rpartition("/")[2])


def _split(path: str) -> tuple[str, Kind]:
    """The stem that an image and its mask share, and the kind of picture."""
    folder, _, name = path.rpartition("/")
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - text: a million images pass here
    inner, second = os.path.splitext(stem)  # noqa: PTH122
    stem = inner if second.lower() in IMAGE_SUFFIXES else stem
    tail = _TAIL.search(stem)
    return (stem[: tail.start()] if tail else stem), Kind(folder, suffix, tail[1].lower() if tail else "")


def _nearest(mask: str, pictures: Sequence[str]) -> list[str]:
    """The pictures whose folders have most in common with the mask's, from both ends."""
    own = _parts(mask)
    scores = {picture: _common(own, _parts(picture)) for picture in pictures}
    most = max(scores.values())
    return [picture for picture, score in scores.items() if score == most]


def _parts(path: str) -> list[str]:
    return path.split("/")[:-1]


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    if first == second:
        return 2 * len(first) + 1
    return _agreeing(zip(first, second, strict=False)) + _agreeing(zip(first[::-1], second[::-1], strict=False))


def _agreeing(pairs: Iterator[tuple[str, str]]) -> int:
    count = 0
    for one, other in pairs:
        # "train" and "trainannot" belong together.
        if one != other and not (one.startswith(other) or other.startswith(one)):
            break
        count += 1
    return count
