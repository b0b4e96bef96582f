"""Where the images, text files and class names of a YOLO data set are."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import is_image_file
from vistry.data.index import FolderIndex
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.locations import is_inside
from vistry.data.readers.split_words import split_of_folders, split_of_stem
from vistry.data.readers.stem_pairs import pair_by_stem
from vistry.data.readers.yolo_description import (
    DARKNET,
    YAML,
    Description,
    is_description,
    locate,
    names_classes,
    read_description,
)
from vistry.data.readers.yolo_lines import is_label_line
from vistry.data.readers.yolo_names import is_names_file, names_near
from vistry.data.source import DataSource
from vistry.data.table import SPLITS, UNASSIGNED

TEXTS = (".txt",)
# Texts that are looked into before the format is chosen, and lines of each.
SAMPLE = 200
LINES = 5
# Names of texts that come with data sets and hold no labels.
_PROSE = ("readme", "license", "licence", "requirements", "notes", "citation", "changelog", "credits", "info")


@dataclass
class Layout:
    """A data set: the source with its files, class names by number (empty: the numbers are the names), its images.

    `images`: (split, image) of each row. `texts`: the text file of each image that has one. `pose`: see `Description`.
    """

    source: DataSource
    names: dict[int, str]
    finder: ImageFinder
    images: list[tuple[int, str]] = field(default_factory=list)
    texts: dict[str, Path] = field(default_factory=dict)
    pose: int = 0
    findings: list[Finding] = field(default_factory=list)


def descriptions(source: DataSource) -> list[Path]:
    """The files of a data set that describe it, or the file that the user names."""
    return [file for file in source.files(YAML + DARKNET) if is_description(file)]


def label_texts(source: DataSource) -> list[Path]:
    """The text files that may hold labels, by their names."""
    files = [source.root / file for file in source.index.files(TEXTS)]
    return [file for file in files if not is_names_file(file) and not file.stem.lower().startswith(_PROSE)]


def looks_like_labels(path: Path) -> bool:
    """Whether one of the first lines is a class number and four fractions."""
    with path.open("rb") as stream:
        head = stream.read(4096).decode(errors="replace")
    return any(is_label_line(line) for line in head.splitlines()[:LINES])


def read_layout(source: DataSource) -> Layout:
    """Find everything. Raises FindingError where a description can't be followed, or several differ."""
    described = [_described(source, file) for file in descriptions(source)]
    if not described:
        return _undescribed(source)
    complete = [layout for layout in described if isinstance(layout, Layout)]
    if not complete:
        raise next(layout for layout in described if not isinstance(layout, Layout))
    first = complete[0]
    if any(other.names != first.names or set(other.images) != set(first.images) for other in complete[1:]):
        files = ", ".join(file.name for file in descriptions(source)[:5])
        raise FindingError(Finding.of("format-ambiguous", f"{files} describe different data sets", source.path))
    return first


def _each_once(places: list[Place]) -> list[Place]:
    """The places, of which one that trains and validates has no split: tools want both named, and it may be all."""
    train, validation = ({target for at, _, target in places if at == SPLITS.index(name)} for name in SPLITS[:2])
    both = (train & validation) - {None}
    shared = {target: (UNASSIGNED, place, target) for _, place, target in places if target in both}
    return [*(place for place in places if place[2] not in both), *shared.values()]


def _described(source: DataSource, file: Path) -> Layout | FindingError:
    try:
        return _follow(source, read_description(file))
    except FindingError as error:
        return error


def _follow(source: DataSource, description: Description) -> Layout:
    """The data set that a description leads to."""
    around = [source.root, *_above(description.file.parent)]
    every = [(split, place, locate(description, place, around)) for split, place in description.places]
    every, missing = _with_lists(source, description, every)
    places = _each_once(every)
    targets = [target for _, _, target in places if target is not None]
    if not targets:
        return _as_it_lies(source, description, missing)
    home = _home(source, description, targets)
    finder = ImageFinder(home)
    layout = Layout(home, description.names, finder, pose=description.pose)
    layout.findings += missing
    if len(places) < len(every):
        message = "train and val are one place; its images are divided as if they had no split"
        layout.findings.append(Finding.of("split-shared", message, description.file))
    listed: set[Path] = {description.file}
    images: dict[tuple[int, str], None] = {}
    for split, _, target in places:
        if target is not None:
            listed.add(target)
            images |= dict.fromkeys((split, image) for image in _images_at(home, target, finder))
    layout.images = list(images)
    if not images:
        listing = ", ".join(f"'{place}'" for _, place in description.places[:3])
        raise FindingError(Finding.of("data-missing", f"there is no image in {listing}", description.file))
    layout.texts = _texts_of(layout, listed, described=True)
    if home.root != source.root and not is_inside(str(home.root), str(source.root)):
        message = f"{len(layout.images)} image(s) lie outside the data folder, in {home.root}"
        layout.findings.append(Finding.of("path-outside", message, description.file, count=len(layout.images)))
    if not layout.names:
        _add_names(layout)
    _leave_out_unlabelled(layout)
    return layout


def _above(folder: Path) -> Iterator[Path]:
    """The two folders above a description, but none that holds a user's other things."""
    for parent in list(folder.parents)[:2]:
        if parent in (Path.home(), *Path.home().parents):
            return
        yield parent


def _home(source: DataSource, description: Description, targets: Sequence[Path]) -> DataSource:
    """The source whose index holds the images and the text files beside them."""
    if all(is_inside(str(target.resolve()), str(source.root)) for target in targets):
        return source if source.path.is_dir() else DataSource(source.root, source.options)
    here = description.file.parent
    base = Path(os.path.normpath(here / description.base))
    common = Path(os.path.commonpath([str(target.resolve()) for target in targets]))
    if description.base and all(is_inside(str(target), str(base)) for target in targets):
        common = base.resolve()
    elif common.is_file() or split_of_folders([common.name]) != UNASSIGNED or common.name == "images":
        common = common.parent
    while "images" in common.parts and common.name != "images" and "images" in common.parent.parts:
        common = common.parent
    if common.name == "images":
        common = common.parent
    if common in (Path.home(), *Path.home().parents):
        message = f"the images are in folders whose common folder is {common}, which is too large to be searched"
        raise FindingError(Finding.of("data-missing", message, description.file))
    return DataSource(common, source.options)


def _images_at(home: DataSource, target: Path, finder: ImageFinder) -> Iterator[str]:
    """The images in a folder, or those that a text file lists."""
    if target.is_dir():
        inside = str(target.resolve())
        prefix = "" if inside == str(home.root) else f"{inside.removeprefix(str(home.root)).lstrip('/')}/"
        yield from (f"{home.root}/{image}" for image in home.index.images if image.startswith(prefix))
    elif is_image_file(str(target)):
        yield str(target)
    else:
        names = [line.strip() for line in target.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
        finder.expect(target, names)
        yield from (finder.find(name, target) for name in names if name)


Place = tuple[int, str, Path | None]


def _with_lists(source: DataSource, description: Description, places: list[Place]) -> tuple[list[Place], list[Finding]]:
    """The places, of which one that isn't there is the list of its split where a file is; and what is said of those.

    What wasn't exported, such as a test split, is often described all the same.
    """
    targets = {target for _, _, target in places}
    lists = {split: file for file, split in _lists(source).items() if file not in targets}
    followed: list[Place] = []
    findings = []
    for split, place, target in places:
        other = lists.get(split) if target is None else None
        followed.append((split, place, target or other))
        if target is None:
            message = f"'{place}' of {SPLITS[split]} is neither a folder nor a list of images below "
            message += str(description.file.parent) + (f"; {other.name} is used" if other else "")
            finding = Finding.of("data-missing", message, description.file)
            findings.append(replace(finding, severity="warning"))
    return followed, findings


def _as_it_lies(source: DataSource, description: Description, missing: list[Finding]) -> Layout:
    """The images that are found by their text files, where a description leads to none. Raises FindingError."""
    layout = _undescribed(source, description.names)
    if not layout.texts:
        raise FindingError(replace(missing[0], severity="error") if missing else _placeless(description))
    layout.pose = description.pose
    layout.findings += missing
    return layout


def _placeless(description: Description) -> Finding:
    message = "the file names no folder of images: 'train' and 'val' are empty"
    return Finding.of("data-missing", message, description.file)


def _undescribed(source: DataSource, names: dict[int, str] | None = None) -> Layout:
    """Every image with a text file, and the others of its folder; class names of a file where none are given."""
    home = source if source.path.is_dir() else DataSource(source.root, source.options)
    layout = Layout(home, names or {}, ImageFinder(home, a_file_an_image=True))
    lists = _lists(home)
    layout.texts = _texts_of(layout, set(lists), described=False)
    listed = {image: split for file, split in lists.items() for image in _images_at(home, file, layout.finder)}
    folders = {image.rpartition("/")[0] for image in layout.texts}
    everywhere = [f"{index.root}/{image}" for index in (home.index, *home.image_indexes) for image in index.images]
    known = dict.fromkeys([*everywhere, *layout.texts])
    for image in known:
        if image.rpartition("/")[0] in folders:
            layout.images.append((listed.get(image, _split_of(layout, image)), image))
    if not names:
        _add_names(layout)
    return layout


def _split_of(layout: Layout, image: str) -> int:
    """The split of an image's folders, else of those of its text file."""
    text = layout.texts.get(image)
    for path in (Path(image), text):
        if path is not None and path.is_relative_to(layout.source.root):
            split = split_of_folders(layout.source.relative(path).split("/")[:-1])
            if split != UNASSIGNED:
                return split
    return UNASSIGNED


def _lists(source: DataSource) -> dict[Path, int]:
    """The text files that list the images of a split, and the split."""
    splits = {}
    for file in (source.root / name for name in source.index.files(TEXTS)):
        split = split_of_stem(file.stem)
        if split != UNASSIGNED and _lists_images(file):
            splits[file] = split
    return splits


def _lists_images(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4096).decode(errors="replace")
    lines = [line.strip() for line in head.splitlines()[:LINES] if line.strip()]
    return bool(lines) and is_image_file(lines[0])


def _texts_of(layout: Layout, listed: set[Path], *, described: bool) -> dict[str, Path]:
    """The text file of each image, and findings about those that are of none.

    Without a description a text is one of labels where it, or another of its folder, has lines of labels, or it is
    empty: people keep other texts beside images, too.
    """
    files = [file for file in label_texts(layout.source) if file not in listed]
    finder = ImageFinder(layout.source, a_file_an_image=True, also=_elsewhere(layout))
    pairs = pair_by_stem(files, finder)
    folders = {file.parent for file in pairs.images} if described else _label_folders(list(pairs.images))
    by_image: dict[str, list[Path]] = defaultdict(list)
    for file, image in pairs.images.items():
        if file.parent in folders or not file.stat().st_size:
            by_image[image].append(file)
    texts = {image: _of_image(image, candidates) for image, candidates in by_image.items()}
    unread = [file for image, candidates in by_image.items() for file in candidates if file != texts[image]]
    orphans = [file for file in files if file not in pairs.images and file not in pairs.ambiguous]
    orphans = [file for file in orphans if looks_like_labels(file)]
    for told, what in ((orphans, "have no image"), (unread, "are not read, because their images have others")):
        if told:
            names = ", ".join(str(layout.source.relative(file)) for file in told[:3])
            message = f"{len(told)} text file(s) {what}, such as {names}"
            layout.findings.append(Finding.of("annotation-orphan", message, told[0], count=len(told)))
    for file, images in pairs.ambiguous.items():
        if looks_like_labels(file):
            message = f"'{file.stem}' may mean {' and '.join(images[:2])}"
            layout.findings.append(Finding.of("image-ambiguous", message, file))
    return texts


def _elsewhere(layout: Layout) -> list[FolderIndex]:
    """An index of the images that lists name outside the data folder."""
    root = f"{layout.source.root}/"
    images = [image for _, image in layout.images if not image.startswith(root)]
    if not images:
        return []
    common = os.path.commonpath([image.rpartition("/")[0] for image in images])
    below = f"{common.rstrip('/')}/"
    return [FolderIndex(Path(common), images=sorted({image.removeprefix(below) for image in images}))]


def _label_folders(files: Sequence[Path]) -> set[Path]:
    """The folders of texts of which one has lines of labels."""
    folders: set[Path] = set()
    for file in files:
        if file.parent not in folders and looks_like_labels(file):
            folders.add(file.parent)
    return folders


def _of_image(image: str, candidates: Sequence[Path]) -> Path:
    """Of several text files the one in labels/ where the image is in images/, else the one beside, else the first."""
    parts = image.split("/")
    for at in range(len(parts) - 2, 0, -1):
        if parts[at] == "images":
            expected = Path("/".join([*parts[:at], "labels", *parts[at + 1 :]])).with_suffix(".txt")
            if expected in candidates:
                return expected
            break
    beside = Path(image).with_suffix(".txt")
    return beside if beside in candidates else candidates[0]


def _add_names(layout: Layout) -> None:
    """The class names of a file among the others, if there is one."""
    index = layout.source.index
    files = [file for name in index.files((".names", ".labels", *TEXTS)) if is_names_file(file := index.root / name)]
    files = [file for file in files if not looks_like_labels(file)]
    commonest = Counter(text.parent for text in layout.texts.values()).most_common(1)
    names, _, findings = names_near(files, commonest[0][0] if commonest else index.root)
    layout.names = names or _names_in_yaml(index)
    layout.findings += findings
    if not layout.names:
        message = "there is no file of class names, such as data.yaml or classes.txt: classes are called by numbers"
        layout.findings.append(Finding.of("class-unnamed", message, index.root))


def _names_in_yaml(index: FolderIndex) -> dict[int, str]:
    """The class names of the first YAML file that has some."""
    for file in (index.root / name for name in index.files(YAML)):
        try:
            if names_classes(file) and (names := read_description(file).names):
                return names
        except FindingError:  # a file of something else
            continue
    return {}


def _leave_out_unlabelled(layout: Layout) -> None:
    """Leave out the images of described folders in which none has a text file: their labels are elsewhere, or lost."""
    labelled = {image.rpartition("/")[0] for image in layout.texts}
    left_out = Counter(
        image.rpartition("/")[0] for _, image in layout.images if image.rpartition("/")[0] not in labelled
    )
    layout.images = [(split, image) for split, image in layout.images if image.rpartition("/")[0] in labelled]
    for folder, count in left_out.items():
        message = f"none of the {count} image(s) in {layout.source.relative(Path(folder))} has a text file of labels"
        finding = Finding.of("image-unlabelled", message, folder, count=count)
        layout.findings.append(finding.advising("label them, or add empty text files where they show no object"))
