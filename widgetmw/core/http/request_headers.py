"""The request headers that a page depends on, for ASGI and WSGI alike."""

from __future__ import annotations

from typing import Final

PAGE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})

CONDITIONAL_HEADERS: Final = frozenset({"if-none-match", "if-modified-since", "if-range", "range"})
"""On a page request of a user, these could bring back a page of another identity."""

HTMX_PAGE_HEADERS: Final = frozenset({"hx-boosted", "hx-history-restore-request"})
"""htmx 1 and 2 ask for a whole page, and not a fragment, with one of these, and with ``Accept: */*``."""

PURPOSE_HEADERS: Final = frozenset({"sec-purpose", "purpose", "x-moz"})
"""These say that a page is loaded ahead of a click."""

FRAME_DESTINATIONS: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
"""Values of ``Sec-Fetch-Dest`` for a page that is shown inside another one."""

FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})
"""Values of ``Sec-Fetch-Site`` for a request that a page of another origin has caused."""


def is_shown_elsewhere(site: str, mode: str, destination: str) -> bool:
    """Whether a page of another origin shows this page in a frame, or reads it by a script, by ``Sec-Fetch-*``.

    A layer outside of us may add the CORS headers that let the other origin read it.
    """
    if mode == "cors":
        return site in FOREIGN_SITES
    return site == "cross-site" and destination in FRAME_DESTINATIONS


_SUPPORTED_CODINGS: Final = frozenset({"", "gzip", "x-gzip", "deflate", "identity"})


def supported_codings(accept_encoding: str) -> str:
    """Returns an ``Accept-Encoding`` value without the codings that we cannot decode, such as ``br`` and ``zstd``.

    An app that compresses its pages itself would otherwise choose one of them.
    """
    offers = accept_encoding.split(",")
    kept = [offer for offer in offers if offer.partition(";")[0].strip().lower() in _SUPPORTED_CODINGS]
    return accept_encoding if len(kept) == len(offers) else ",".join(kept).strip(" ,") or "identity"


_DEFAULT_PORTS: Final = (":80", ":443")


def without_default_port(host: str) -> str:
    """Returns a ``Host`` header as a browser sends it: a proxy may add a default port, as nginx does with its port."""
    return host[: host.rindex(":")] if host.endswith(_DEFAULT_PORTS) else host


def environ_name(header: str) -> str:
    """Returns the key of a request header in a WSGI environ."""
    return f"HTTP_{header.upper().replace('-', '_')}"
