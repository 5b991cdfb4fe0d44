"""Recognizes AMP pages, which any script of ours would make invalid."""

from __future__ import annotations

import re
from typing import Final

_HTML_TAG: Final = re.compile(rb"<html(?=[\t\n\f\r />])", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(
    rb"[\t\n\f\r /]++([^\t\n\f\r />=]++)(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >]*+))?+"
)
_NAMES: Final = re.compile("(?:amp|⚡)(?:4email|4ads)?".encode(), re.IGNORECASE)


def is_amp(start: bytes) -> bool:
    """Whether a page is an AMP page (``<html amp>``, ``<html ⚡>``), given its bytes up to the insertion offset."""
    start = _without_comments(start)
    tag = _HTML_TAG.search(start)
    position = tag.end() if tag else len(start)
    while attribute := _ATTRIBUTE.match(start, position):
        if _NAMES.fullmatch(attribute[1]):
            return True
        position = attribute.end()
    return False


def _without_comments(text: bytes) -> bytes:
    # not a regular expression, which would look for the end of each comment anew: quadratic time
    parts, position = [], 0
    while (start := text.find(b"<!--", position)) >= 0 and (end := text.find(b"-->", start + 2)) >= 0:
        parts.append(text[position:start])
        position = end + 3
    return b"".join((*parts, text[position:]))
