"""Recognizes AMP pages, which any script of ours would make invalid."""

from __future__ import annotations

import re
from typing import Final

from widgetmw.core.html.meta_charset import read_attributes

_HTML_TAG: Final = re.compile(rb"<html(?=[\t\n\f\r />])", re.IGNORECASE)
_NAMES: Final = re.compile("(?:amp|⚡)(?:4email|4ads)?".encode(), re.IGNORECASE)


def is_amp(start: bytes) -> bool:
    """Whether a page is an AMP page (``<html amp>``, ``<html ⚡>``), given its bytes up to the insertion offset."""
    start = _without_comments(start)
    tag = _HTML_TAG.search(start)
    return tag is not None and any(map(_NAMES.fullmatch, read_attributes(start, tag.end())))


def _without_comments(text: bytes) -> bytes:
    # not a regular expression, which would look for the end of each comment anew: quadratic time
    parts, position = [], 0
    while (start := text.find(b"<!--", position)) >= 0 and (end := text.find(b"-->", start + 2)) >= 0:
        parts.append(text[position:start])
        position = end + 3
    return b"".join((*parts, text[position:]))
