"""The bytes that a page gains, what they are made of, and the sizes of the script files.

They are counted with a fixed clock, user and configuration, so every run finds the same.
"""

from __future__ import annotations

import gzip
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Final

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section, Sizes
from benchmarks.rounds import exact
from benchmarks.subject import VENDORS, added_bytes, signed_in
from benchmarks.traffic import HTML, SHORT_HEADERS, AsgiApp, Headers, asgi_app, event_loop, page
from widgetmw import Settings, asgi, testing
from widgetmw.browser import assets

CASE: Final = "One vendor, token included, before compression"
LIMIT: Final = 2_500
NOW: Final = 1_800_000_000.0
GZIP_LEVEL: Final = 6  # the default of zlib and of most servers

_UUID: Final = "0f1e2d3c-4b5a-4697-8897-a6b5c4d3e2f"
VARIABLES: Final = {
    "DG_API_KEY": f"{_UUID}0",
    "DG_API_SECRET": "5a" * 32,
    "DG_WIDGET_ID": f"{_UUID}1",
    "HISSUNO_PROJECT_ID": f"{_UUID}2",
    "HISSUNO_SECRET_KEY": "sk_live_" + "5a" * 32,
    "ORLO_CUSTOMER_DATA_SNIPPET": 'window.orloCustomer = "JWT_TOKEN";',
    "GIOSG_ORGANIZATION_ID": f"{_UUID}3",
    "GIOSG_ROOM_ID": f"{_UUID}4",
    "GIOSG_SIGNING_KEY": "5a" * 32,
}
"""Ids and keys as long as real ones. Only Orlo's RSA key is new for each run."""
_RSA_SIGNATURE: Final = re.compile(rb"(?<=\.)[\w-]{342}")


@dataclass(frozen=True)
class Form:
    """How the script tags are written: it depends on the app's response headers and on our settings."""

    headers: Headers = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)


_NONCE: Final[Headers] = [(b"content-security-policy", b"script-src 'nonce-bm9uY2Utb2YtYS1wYWdl'")]
_HASH: Final[Headers] = [(b"content-security-policy", b"script-src 'sha256-%s='" % (b"0" * 43))]
_SELF: Final[Headers] = [(b"content-security-policy", b"script-src 'self'")]
_INTEGRITY: Final[Headers] = [(b"integrity-policy", b"blocked-destinations=(script)")]
_FETCH: Final = {"WIDGETMW_DELIVERY": "fetch"}
_AMEND: Final = {"WIDGETMW_CSP": "amend"}
FORMS: Final = {
    "inline": Form(),
    "inline, with a nonce": Form(_NONCE),
    "inline, with a hash": Form(_HASH, _AMEND),
    "external": Form(_SELF),
    "external, with integrity": Form(_SELF + _INTEGRITY),
    "fetch delivery, inline": Form([], _FETCH),
    "fetch delivery, inline, with a nonce": Form(_NONCE, _FETCH),
    "fetch delivery, inline, with a hash": Form(_HASH, _AMEND | _FETCH),
    "fetch delivery, external": Form(_SELF, _FETCH),
}
GROUPS: Final = [VENDORS[: count + 1] for count in range(len(VENDORS))]
COLUMNS: Final = [f"+ {name}" if count else name for count, name in enumerate(VENDORS)]
PARTS: Final = ("bootstrap", "vendor's code", "data", "token", "tags")


def measure(effort: Effort) -> Section:
    """Counts; the effort makes no difference."""
    pages = {name: [response(vendors, form) for vendors in GROUPS] for name, form in FORMS.items()}
    plain = {name: [len(added_bytes(page(), after)) for after in line] for name, line in pages.items()}
    gzipped = {name: [gzipped_growth(after) for after in line] for name, line in pages.items()}
    alone = {vendor: parts(vendor) for vendor in VENDORS}
    return Section(
        [
            Finding(CASE, f"bytes added to a page: {name}", exact(sum(each)), "bytes", LIMIT)
            for name, each in alone.items()
        ],
        sizes={
            "Bytes added to a page": Sizes("form", COLUMNS, plain),
            "Bytes added to a gzipped page": Sizes("form", COLUMNS, gzipped),
            "What the inline form is made of": Sizes(
                "vendor", (*PARTS, "sum"), {name: (*each, sum(each)) for name, each in alone.items()}
            ),
            "Script files": Sizes("file", COLUMNS, files()),
        },
    )


@cache
def variables() -> dict[str, str]:
    """Returns the variables of all vendors; cached because generating the RSA key takes long."""
    return testing.environ(*VENDORS, **VARIABLES)


def app(vendors: Sequence[str], form: Form) -> AsgiApp:
    """Returns an app with a page in the middleware."""
    chosen = {"WIDGETMW_PROVIDERS": ",".join(vendors), **form.variables}
    settings = replace(Settings.from_env(variables() | chosen), clock=testing.Clock(NOW))
    return asgi.WidgetMiddleware(asgi_app(page(), HTML, form.headers), settings, user=signed_in)


def response(vendors: Sequence[str], form: Form, path: str = "/", headers: Headers = SHORT_HEADERS) -> bytes:
    """Requests a path.

    Orlo's key, and so its signature, is new for each run. As many fixed letters replace the signature, because the size
    of the gzipped page depends on them.
    """
    with event_loop() as loop:
        body = loop.get(app(vendors, form), headers, path)
    return _RSA_SIGNATURE.sub(_letters, body)


def _letters(signature: re.Match[bytes]) -> bytes:
    """Returns letters that look as random as a signature."""
    text = b"".join(sha256(bytes([number])).digest() for number in range(8))
    return urlsafe_b64encode(text)[: len(signature[0])]


def gzipped_growth(after: bytes) -> int:
    """Returns by how many bytes the page is longer than the app's own if both are compressed."""
    return len(gzip.compress(after, GZIP_LEVEL)) - len(gzip.compress(page(), GZIP_LEVEL))


def parts(vendor: str) -> tuple[int, ...]:
    """Returns the bytes of each of :data:`PARTS` in the inline form."""
    span = added_bytes(page(), response([vendor], FORMS["inline"]))
    bootstrap = len(assets.bootstrap([]))
    code = len(assets.bootstrap([vendor])) - bootstrap
    data = span.index(b");</script>") - span.index(b'{"url":')
    token = testing.read_tokens(span)[vendor]
    signed = len(token.value) + sum(map(len, token.extra.values()))
    return bootstrap, code, data - signed, signed, len(span) - bootstrap - code - data


def files() -> dict[str, list[int]]:
    """Returns the bytes of the served scripts by name, plain and gzipped."""
    zipped = [*SHORT_HEADERS, (b"accept-encoding", b"gzip")]
    sizes = {}
    for path in ("/runtime.js", "/embed.js"):
        url = f"/_widgetmw{path}"
        sizes[path[1:]] = [len(response(vendors, FORMS["inline"], url)) for vendors in GROUPS]
        sizes[f"{path[1:]}, gzipped"] = [len(response(vendors, FORMS["inline"], url, zipped)) for vendors in GROUPS]
    return sizes
