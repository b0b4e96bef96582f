"""Pictures with a few lines under each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from markupsafe import Markup

from vistry.report.markup import Content, element, name_of
from vistry.report.thumbnail import Thumbnail, thumbnail

# Smaller images, such as digits of 8 pixels, are enlarged by the browser without smoothing (style.css).
COARSE = 64


@dataclass(frozen=True)
class Card:
    """An image file and the lines under its picture; without `picture`, a thumbnail of the whole image is shown."""

    image: str
    lines: tuple[Content, ...]
    picture: Thumbnail | None = None


def gallery(cards: Iterable[Card]) -> Markup:
    """Draw the cards in rows; an image that can't be read is replaced by its file's name."""
    return element("div", *[_card(card) for card in cards], class_="gallery")


def _card(card: Card) -> Markup:
    name = "/".join(PurePath(card.image).parts[-2:])
    lines = [element("div", line) for line in card.lines]
    file = element("div", name_of(name), class_="file", title=name)
    return element("figure", _picture(card, name), element("figcaption", *lines, file), class_="card")


def _picture(card: Card, name: str) -> Markup:
    small = card.picture or thumbnail(card.image)
    if small is None:
        return element(
            "div", element("span", "no picture: "), name_of(PurePath(card.image).name or name), class_="missing"
        )
    kind = "coarse" if max(small.width, small.height) <= COARSE else None
    return element("img", src=small.uri, alt=name, width=small.width, height=small.height, class_=kind)
