"""XML as a small tree that knows its lines; entities that a file declares are refused and never expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from vistry.data.findings import Finding, FindingError

MOST_DEPTH = 50


@dataclass
class Node:
    """An element: its tag, the line it begins on, its text without spaces around it, and the elements in it."""

    tag: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> list[Node]:
        """The elements in it with this tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Node | None:
        """The first element in it with this tag."""
        return next(iter(self.all(tag)), None)

    def value(self, tag: str) -> str:
        """The text of the first element in it with this tag, or nothing."""
        found = self.first(tag)
        return "" if found is None else found.text


def read_xml(path: Path) -> Node:
    """The root element. Raises FindingError with the line for what isn't XML, nests too deeply or declares entities."""
    parser = expat.ParserCreate()
    root = Node("", 0)
    open_nodes = [root]

    def begin(tag: str, attributes: Any) -> None:  # noqa: ARG001 - expat's signature
        if len(open_nodes) > MOST_DEPTH:
            raise FindingError(_invalid(path, parser, f"elements nested more than {MOST_DEPTH} deep"))
        node = Node(tag, parser.CurrentLineNumber)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(tag: str) -> None:  # noqa: ARG001
        node = open_nodes.pop()
        node.text = node.text.strip()

    def text(data: str) -> None:
        open_nodes[-1].text += data

    def refuse(*declaration: Any) -> None:
        message = f"the file declares the entity '{declaration[0]}'"
        raise FindingError(Finding.of("xml-entities", message, path, parser.CurrentLineNumber))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise FindingError(_invalid(path, parser, f"not XML: {error}")) from error
    return root.children[0]


def _invalid(path: Path, parser: Any, message: str) -> Any:
    return Finding.of("line-invalid", message, path, parser.CurrentLineNumber)
