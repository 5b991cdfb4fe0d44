"""Responses given byte by byte, as an app would send them: for the samples, and for pages that visitors paste."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A WSGI app that always gives the same response, in the given pieces. Nothing of it is checked or completed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(f"{self.status} {reason_phrase(self.status)}", list(self.headers))
        return list(self.pieces) if len(self.pieces) == 1 else iter(self.pieces)


def reason_phrase(status: int) -> str:
    """Returns the text after a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
