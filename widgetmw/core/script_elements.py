"""Pasted HTML in, its script elements out. Anything but script elements and comments is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from widgetmw.core.script_grammar import ScriptError

_SPACE = re.compile(r"[\t\n\f\r \ufeff]+")
_COMMENT = re.compile(r"<!--(?:-?>|[\s\S]*?--!?>)")
_OPEN = re.compile(r"<script(?=[\t\n\f\r />])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*([A-Za-z][A-Za-z0-9_.:-]*+)"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*+)))?"
)
_TAG_END = re.compile(r"[\t\n\f\r /]*>")
_CLOSE = re.compile(r"</script(?:[\t\n\f\r /][^>]*)?>", re.IGNORECASE)
_CLASSIC = re.compile(r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script|text/javascript1\.[0-5])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Inline:
    """A script in the text.

    Attributes:
        start: index of its first character.
        end: index after its last one.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class External:
    """A script element with ``src``.

    Attributes:
        attributes: by name in lower case, character references resolved.
        at: index of its tag.
    """

    attributes: dict[str, str]
    at: int

    @property
    def blocks(self) -> bool:
        """Whether the scripts after it wait until it has run."""
        return not self.attributes.keys() & {"async", "defer"}


def script_elements(text: str) -> Iterator[Inline | External]:
    """Yields the scripts of a pasted text: its script elements, or the text itself where it has no tags.

    Raises:
        ScriptError: there is something else in it.
    """
    if "\0" in text:
        raise ScriptError("a NUL character", text.index("\0"))
    start = _skip(text, 0)
    if not text.startswith("<", start):
        yield Inline(start, len(text))
        return
    while (start := _between(text, start)) < len(text):
        match = _OPEN.match(text, start)
        if match is None:
            markup = text.startswith("<", start)
            raise ScriptError(
                "an HTML element other than script" if markup else "text outside of the script elements",
                start,
            )
        attributes, body = _attributes(text, match.end(), start)
        close = _CLOSE.search(text, body)
        if close is None:
            raise ScriptError("a script element that is never closed", start)
        if (element := _element(attributes, start, body, close.start(), text)) is not None:
            yield element
        start = close.end()


def _skip(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _between(text: str, start: int) -> int:
    """Returns the index after white space and comments."""
    start = _skip(text, start)
    while text.startswith("<!--", start):
        match = _COMMENT.match(text, start)
        if match is None:
            raise ScriptError("an HTML comment that is never closed", start)
        start = _skip(text, match.end())
    return start


def _attributes(text: str, start: int, tag: int) -> tuple[dict[str, str], int]:
    found: dict[str, str] = {}
    while not (end := _TAG_END.match(text, start)):
        match = _ATTRIBUTE.match(text, start)
        if match is None:
            raise ScriptError("a tag that is not well-formed", tag)
        value = next((group for group in match.groups()[1:] if group is not None), "")
        found.setdefault(match[1].lower(), unescape(value))
        start = match.end()
    return found, end.end()


def _element(attributes: dict[str, str], at: int, start: int, end: int, text: str) -> Inline | External | None:
    if not _CLASSIC.fullmatch(attributes.get("type", "").strip()) or "nomodule" in attributes:
        raise ScriptError("a script element whose type is not that of a classic script", at)
    if any(name.startswith("on") for name in attributes):
        raise ScriptError("an event handler in a tag, which many policies forbid", at)
    if "src" in attributes:
        if not attributes["src"].strip():
            raise ScriptError("a script element whose src is empty", at)
        return External(attributes, at)
    if re.search(r"<!--[\s\S]*<script", text[start:end], re.IGNORECASE):
        raise ScriptError("a script that holds both <!-- and a script tag", at)  # HTML would look for another end
    return Inline(start, end) if text[start:end].strip() else None
