"""Read XML into a small tree whose nodes know their lines; declared entities are refused and never expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from vistry.data.findings import Finding, FindingError

# Annotations nest four deep; a file that nests thousands deep would exhaust the stack of whoever walks the tree.
MAX_DEPTH = 50


@dataclass
class Node:
    """An element: its tag, the line it begins on, its text without spaces around it, and what is in it."""

    tag: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def all(self, tag: str) -> list[Node]:
        """The elements in it with this tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Node | None:
        """The first element in it with this tag."""
        return next(iter(self.all(tag)), None)

    def value(self, tag: str) -> str:
        """The text of the first element in it with this tag, or nothing."""
        child = self.first(tag)
        return "" if child is None else child.text


def read_xml(path: Path) -> Node:
    """The root element. Raises FindingError with the line for what isn't XML, nests too deeply or declares entities."""
    parser = expat.ParserCreate()
    root = Node("", 0)
    open_nodes = [root]

    def begin(tag: str, attributes: dict[str, str]) -> None:
        if len(open_nodes) > MAX_DEPTH:
            raise FindingError(_invalid(path, parser, f"elements nested more than {MAX_DEPTH} deep"))
        node = Node(tag, parser.CurrentLineNumber, attributes=attributes)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(tag: str) -> None:  # noqa: ARG001 - expat's signature
        node = open_nodes.pop()
        node.text = node.text.strip()

    def text(data: str) -> None:
        open_nodes[-1].text += data

    def refuse(*declaration: object) -> None:
        message = f"the file declares the entity '{declaration[0]}'"
        raise FindingError(Finding.of("xml-entities", message, path, line=parser.CurrentLineNumber))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise FindingError(_invalid(path, parser, f"not XML: {error}")) from error
    return root.children[0]


def _invalid(path: Path, parser: expat.XMLParserType, message: str) -> Finding:
    return Finding.of("line-invalid", message, path, line=parser.CurrentLineNumber)
