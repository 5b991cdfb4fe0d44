"""HTML parsers: they parse the page into a tree, add the script, and serialize the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from benchmarks.traffic import AsgiApp

Edit: TypeAlias = Callable[[bytes, str], bytes]


def found(notes: list[str]) -> dict[str, Edit]:
    """Returns the parsers that are installed, and adds a note for each of the others."""
    edits: dict[str, Edit] = {}
    try:
        import bs4  # noqa: F401

        edits["BeautifulSoup with html.parser"] = with_beautiful_soup
    except ImportError:
        notes.append("BeautifulSoup is not installed")
    try:
        import lxml.html  # noqa: F401

        edits["lxml.html"] = with_lxml
    except ImportError:
        notes.append("lxml is not installed")
    return edits


def with_beautiful_soup(body: bytes, script: str) -> bytes:
    """Adds the script at the start of the head."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, "html.parser", from_encoding="utf-8")
    element = soup.new_tag("script")
    element.string = script
    assert soup.head is not None
    soup.head.insert(0, element)
    return soup.encode()


def with_lxml(body: bytes, script: str) -> bytes:
    """Adds the script at the start of the head."""
    from lxml import etree, html

    tree = html.document_fromstring(body)
    element = etree.Element("script")
    element.text = script
    tree.head.insert(0, element)
    text: bytes = html.tostring(tree, encoding="utf-8", doctype="<!doctype html>")
    return text


def editing(app: AsgiApp, edit: Edit, snippet: bytes) -> AsgiApp:
    """Wraps an app whose pages come in one message."""
    script = snippet.decode().partition(">")[2].partition("</script>")[0]

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        start: Any = None

        async def inject(message: Any) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body = edit(message["body"], script)
            kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
            await send({**start, "headers": [*kept, (b"content-length", b"%d" % len(body))]})
            await send({**message, "body": body})

        await app(scope, receive, inject)

    return wrapped
