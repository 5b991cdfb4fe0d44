"""The sample response, of which a visitor chooses the parts, to see what the middleware decides."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from widgetmw.demo.responses import RawResponse

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice. ``headers`` are added to the response; ``{nonce}`` stands for the nonce of the page."""

    key: str
    label: str
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One part of the sample response. The first option is the default."""

    key: str
    label: str
    options: tuple[Option, ...]


def _policy(key: str, value: str, label: str | None = None) -> Option:
    return Option(key, label or value, (("Content-Security-Policy", value),))


def _cache(key: str, value: str) -> Option:
    return Option(key, value, (("Cache-Control", value),))


def _coding(key: str, value: str, label: str) -> Option:
    return Option(key, label, (("Content-Encoding", value),))


_ALL = (
    Choice(
        "csp",
        "Content-Security-Policy",
        (
            Option("absent", "none"),
            _policy("nonce", "script-src 'nonce-{nonce}'", "script-src 'nonce-…'"),
            _policy("self", "script-src 'self'"),
            _policy("other-host", "script-src https://cdn.example"),
            _policy("no-scripts", "script-src 'none'"),
            _policy("no-connect", "script-src 'self'; connect-src 'none'"),
            _policy("sandbox", "sandbox"),
        ),
    ),
    Choice(
        "cache",
        "Cache-Control",
        (
            Option("absent", "none"),
            _cache("private", "private, max-age=60"),
            _cache("public", "public, max-age=600"),
            _cache("s-maxage", "s-maxage=600"),
            _cache("no-transform", "no-transform"),
        ),
    ),
    Choice(
        "coding",
        "Compression",
        (
            Option("absent", "none"),
            _coding("gzip", "gzip", "gzip"),
            _coding("deflate", "deflate", "deflate"),
            _coding("br", "br", "br (brotli)"),
            _coding("broken", "gzip", "gzip, but damaged"),
        ),
    ),
    Choice(
        "chunks",
        "Chunks",
        (
            Option("one", "all in one"),
            Option("small", "7 bytes each"),
            Option("cut", "cut inside <head>"),
            Option("empty", "an empty one first"),
        ),
    ),
    Choice(
        "body",
        "Body",
        (
            Option("page", "a page", (("Content-Type", "text/html; charset=utf-8"),)),
            Option("fragment", "a fragment", (("Content-Type", "text/html; charset=utf-8"),)),
            Option("amp", "an AMP page", (("Content-Type", "text/html; charset=utf-8"),)),
            Option("utf-16", "a page in UTF-16", (("Content-Type", "text/html; charset=utf-16"),)),
            Option("json", "JSON", (("Content-Type", "application/json"),)),
        ),
    ),
)
CHOICES: Mapping[str, Choice] = MappingProxyType({choice.key: choice for choice in _ALL})

_PAGE = """<!doctype html>
<html lang="en">
<head>
<title>Your orders</title>
</head>
<body>
<h1>Your orders</h1>
<p>Two parcels are on their way.</p>
</body>
</html>
"""
_BODIES = {
    "page": _PAGE.encode(),
    "fragment": b"<li>Order 1001</li>\n<li>Order 1002</li>\n",
    "amp": _PAGE.replace("<html", "<html amp").encode(),
    "utf-16": _PAGE.encode("utf-16"),
    "json": b'{"orders": [1001, 1002]}\n',
}


def sample(values: Mapping[str, str], nonce: str) -> RawResponse:
    """Returns the sample response.

    Args:
        values: the key of an option for each choice; the default where there is none.
        nonce: for a policy that has one.

    Raises:
        KeyError: a choice has no such option.
    """
    chosen = {key: _option(choice, values.get(key)) for key, choice in CHOICES.items()}
    body = _CODINGS[chosen["coding"].key](_BODIES[chosen["body"].key])
    pieces = _cut(body, chosen["chunks"].key)
    headers = [
        (name, value.format(nonce=nonce)) for option in reversed(chosen.values()) for name, value in option.headers
    ]
    if len(pieces) == 1:
        headers.append(("Content-Length", str(len(body))))
    return RawResponse(200, tuple(headers), pieces)


def _option(choice: Choice, key: str | None) -> Option:
    options = {option.key: option for option in choice.options}
    return choice.options[0] if key is None else options[key]


def gzip(data: bytes) -> bytes:
    """Compresses with gzip. The result is always the same, unlike that of the module of this name."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


def _brotli(data: bytes) -> bytes:
    # One uncompressed block (RFC 7932, section 9.2) and an empty last one: there is no brotli in the standard library.
    return ((len(data) - 1) << 4 | 1 << 20).to_bytes(3, "little") + data + b"\x03"


def _damaged(data: bytes) -> bytes:
    return gzip(data)[:12] + b"\xff" * 20


_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "absent": lambda data: data,
    "gzip": gzip,
    "deflate": zlib.compress,
    "br": _brotli,
    "broken": _damaged,
}


def _cut(body: bytes, chunks: str) -> tuple[bytes, ...]:
    if chunks == "small":
        return tuple(body[start : start + 7] for start in range(0, len(body), 7))
    if chunks == "cut":
        middle = body.find(b"<head>") + 3 if b"<head>" in body else len(body) // 2
        return (body[:middle], body[middle:])
    return (b"", body) if chunks == "empty" else (body,)
