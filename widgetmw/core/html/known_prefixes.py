"""Remembers how the pages of a site begin, since most of them begin alike."""

from __future__ import annotations

from typing import Final

from widgetmw.core.html.head_scanner import OWN_SCRIPTS, PENDING, fast_offset

_MAX_ROOT_PATHS: Final = 64  # a proxy may name any root path
_MAX_PREFIX_BYTES: Final = 16_384


class KnownPrefixes:
    """Finds where the script goes in a page, without a scan if the last page with the same root path began like it."""

    def __init__(self) -> None:
        # by root path: the start of the last page, and its insertion offset
        self._prefixes: dict[str, tuple[bytes, int]] = {}

    def insertion_offset(self, root_path: str, data: bytes) -> int:
        """Finds the offset in a page whose charset is declared, given its first bytes.

        The result is ``PENDING`` if only the scanner of a ``BodyRewriter`` can find it.
        """
        prefix = self._prefixes.get(root_path)  # the bytes before the offset determine it
        if prefix is not None and data.startswith(prefix[0]):
            return prefix[1]
        offset = fast_offset(data)
        if offset != PENDING:
            self.remember(root_path, data, offset)
        return offset

    def remember(self, root_path: str, data: bytes, offset: int) -> None:
        """Remembers all before the offset, and enough after it to tell that our script is not there.

        It is there already in a page from a cache further in. Only for an explicit head tag: an implied one depends on
        what follows.
        """
        end = offset
        while any(script.startswith(data[offset:end]) for script in OWN_SCRIPTS):
            if end == len(data):
                return
            end += 1
        if end <= _MAX_PREFIX_BYTES:
            if len(self._prefixes) >= _MAX_ROOT_PATHS:
                self._prefixes.clear()
            self._prefixes[root_path] = data[:end], offset
