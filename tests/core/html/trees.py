"""Parses pages with two independent parsers, into trees that can be compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import html5lib
from selectolax.lexbor import LexborHTMLParser, LexborNode

BOM = b"\xef\xbb\xbf"


class Node(NamedTuple):
    """A node: an element's name or the node's kind, its text or attributes, its children."""

    name: str
    value: Any = ()
    children: tuple[Node, ...] = ()


class Parsed(NamedTuple):
    """A parsed page; ``mode`` is its compatibility mode, if the parser reports it."""

    tree: Node
    mode: str | None


def _decoded(page: bytes) -> str:
    # One character for each byte, so that every byte counts. Text has no byte-order mark.
    return page.removeprefix(BOM).decode("latin-1")


def by_html5lib(page: bytes) -> Parsed | None:
    """Parses with html5lib; returns ``None`` where it fails itself, as at the end of some tables."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("dom"))
    try:
        return Parsed(_from_dom(parser.parse(_decoded(page))), parser.compatMode)
    except (AssertionError, AttributeError):
        return None


def _from_dom(node: Any) -> Node:
    if node.nodeType == node.DOCUMENT_TYPE_NODE:
        return Node("#doctype", (node.name, node.publicId, node.systemId))
    if node.nodeType in (node.TEXT_NODE, node.COMMENT_NODE):
        return Node(node.nodeName, node.data)
    attributes = tuple(sorted(node.attributes.items())) if node.nodeType == node.ELEMENT_NODE else ()
    return Node(node.nodeName, attributes, tuple(map(_from_dom, node.childNodes)))


def by_lexbor(page: bytes) -> Parsed:
    """Parses with lexbor."""
    root = LexborHTMLParser(_decoded(page)).root
    assert root is not None
    assert root.parent is not None
    return Parsed(_from_lexbor(root.parent), None)


def _from_lexbor(node: LexborNode) -> Node:
    name = node.tag or ""
    if node.is_text_node:
        return Node("#text", node.text_content)
    if node.is_comment_node:
        return Node("#comment", node.comment_content)
    if name == "template" or not (node.is_element_node or node.is_document_node):
        return Node(name, node.html)
    children = []
    child = node.first_child
    while child is not None:
        children.append(_from_lexbor(child))
        child = child.next
    attributes = tuple(sorted(node.attributes.items())) if node.is_element_node else ()
    return Node(name, attributes, tuple(children))


def is_ours(node: Node) -> bool:
    """Whether this is one of our script elements."""
    return node.name == "script" and any(name == "data-widgetmw" for name, _ in node.value)


def without_ours(node: Node) -> Node:
    """Returns the tree without our script elements."""
    return node._replace(children=tuple(without_ours(child) for child in node.children if not is_ours(child)))


def scripts(node: Node, *parents: str) -> list[tuple[bool, tuple[str, ...]]]:
    """Returns every script in document order: whether it is ours, and the names of its parents."""
    own = [(is_ours(node), parents)] if node.name == "script" else []
    return own + [each for child in node.children for each in scripts(child, *parents, node.name)]
