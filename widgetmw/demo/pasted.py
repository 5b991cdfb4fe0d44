"""Turns a page and headers that a visitor has pasted into the response that they describe.

The text is only ever the body of a response that the middleware sees inside this process: it is never served.
"""

from __future__ import annotations

import re
import zlib

from werkzeug.http import parse_options_header

from widgetmw.demo.responses import RawResponse
from widgetmw.demo.samples import gzip

MAX_PAGE = 100_000  # characters
MAX_HEADERS = 8_000  # characters
_STATUS = re.compile(r"HTTP/[\d.]{1,3} (\d{3})(?: .*)?", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]{1,100}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Sent by a server, not by an app: the pasted body is already whole.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "trailer", "upgrade"}
# Encoders that take linear time. Other names count as UTF-8.
_CHARSETS = frozenset(
    {
        *("utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "iso-8859-1", "windows-1252"),
        *("shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "gbk", "big5"),
    }
)


class PasteError(ValueError):
    """The pasted text is not a response. The message is one line for the visitor."""


def pasted(head: str, page: str) -> RawResponse:
    """Returns the response that the text describes.

    Args:
        head: a header on each line, after an optional status line. Without a Content-Type it is that of a page.
        page: the body. It is encoded as the headers say.

    Raises:
        PasteError: the text is too long, or a line is not a header.
    """
    if len(page) > MAX_PAGE:
        raise PasteError(f"The page has more than {MAX_PAGE:,} characters. Its start is enough: paste that.")
    if len(head) > MAX_HEADERS:
        raise PasteError(f"The headers have more than {MAX_HEADERS:,} characters.")
    status, headers = _parse(head)
    body = _encode(page, dict(headers))
    return RawResponse(status, tuple(_final_headers(headers, len(body))), (body,))


def _parse(head: str) -> tuple[int, list[tuple[str, str]]]:
    lines = [line.rstrip("\r") for line in head.split("\n")]
    status = _STATUS.fullmatch(lines[0])
    headers = [
        _header(number, line) for number, line in enumerate(lines, 1) if line.strip() and not (status and number == 1)
    ]
    if "content-type" not in {name.lower() for name, _ in headers}:
        headers.insert(0, ("Content-Type", "text/html; charset=utf-8"))
    return _status(status[1]) if status else 200, headers


def _status(text: str) -> int:
    if text[0] not in "2345":
        raise PasteError("Line 1: the status must be between 200 and 599.")
    return int(text)


def _header(number: int, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise PasteError(f"Line {number} is not a header: expected “Name: value”.")
    if _CONTROL.search(value) or not _is_latin1(value):
        raise PasteError(f"Line {number}: the value has a character that a header cannot contain.")
    return name, value.strip()


def _is_latin1(text: str) -> bool:
    return all(character <= "\xff" for character in text)


def _encode(page: str, headers: dict[str, str]) -> bytes:
    values = {name.lower(): value for name, value in headers.items()}
    body = page.encode(charset(values["content-type"]), "replace")
    coding = values.get("content-encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return gzip(body)
    return zlib.compress(body) if coding == "deflate" else body


def charset(content_type: str) -> str:
    """Returns the encoding that a Content-Type declares, or UTF-8 if it is not one that is known here."""
    name = parse_options_header(content_type)[1].get("charset", "").strip().lower()
    return name if name in _CHARSETS else "utf-8"


def _final_headers(headers: list[tuple[str, str]], length: int) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
    # a copied length is that of a compressed body, or of one in another encoding
    return [(name, str(length) if name.lower() == "content-length" else value) for name, value in kept]
