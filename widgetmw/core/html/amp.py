"""Recognizes AMP pages, which any script of ours would make invalid."""

from __future__ import annotations

import re
from typing import Final

from widgetmw.core.html.meta_charset import read_attributes

_COMMENT: Final = re.compile(rb"<!(?=--)(?s:.*?)-->")
_HTML_TAG: Final = re.compile(rb"<html(?=[\t\n\f\r />])", re.IGNORECASE)
_NAMES: Final = re.compile("(?:amp|⚡)(?:4email|4ads)?".encode(), re.IGNORECASE)


def is_amp(start: bytes) -> bool:
    """Whether a page is an AMP page (``<html amp>``, ``<html ⚡>``), given its bytes up to the insertion offset."""
    # Behind the last end of a comment, each start of one would be searched for its end in vain: quadratic time.
    before, end, after = start.rpartition(b"-->")
    start = _COMMENT.sub(b"", before + end) + after
    tag = _HTML_TAG.search(start)
    return tag is not None and any(map(_NAMES.fullmatch, read_attributes(start, tag.end())))
