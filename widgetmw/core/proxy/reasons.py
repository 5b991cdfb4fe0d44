"""Why the identity from a proxy was not used: one code per reason, with what it means and how to fix it.

The codes are public: they appear in the counters (``proxy:<code>``), in log lines and in the documentation, whose table
is generated from :class:`ProxyReason`.
"""

from __future__ import annotations

from enum import Enum
from typing import final


@final
class ProxyReason(Enum):
    """A reason to treat a request as anonymous, to refuse it, or to drop a part of the user.

    Attributes:
        code: the public name.
        text: what it means.
        remedy: what to do about it.
    """

    code: str
    text: str
    remedy: str

    def __init__(self, code: str, text: str, remedy: str) -> None:
        self.code = code
        self.text = text
        self.remedy = remedy

    # the user is anonymous
    ABSENT = (
        "absent",
        "The request has no identity header. The user is anonymous.",
        "Nothing, for pages that the proxy does not protect. Otherwise check which headers the proxy sends.",
    )
    BLANK = (
        "blank",
        "The identity header is empty, or the assertion names no person. The user is anonymous.",
        "Nothing.",
    )
    ADDRESS_NOT_LISTED = (
        "address_not_listed",
        "Identity headers came from an address that is not in `WIDGETMW_PROXY_ADDRESSES`. The user is anonymous.",
        "If it was the proxy, add its address. If not, somebody tried to impersonate a user.",
    )

    # the user is signed in, with less than the proxy sent
    VALUE_LEFT_OUT = (
        "value_left_out",
        "A name or an email was dropped because it came twice, contains a comma or cannot be printed.",
        "Fix what the proxy sends.",
    )

    # the headers are refused
    ADDRESS_REWRITTEN = (
        "address_rewritten",
        "The server replaced the proxy's address with one from `X-Forwarded-For`, so the sender is unknown.",
        "Turn that off in the server (uvicorn: `--no-proxy-headers`), and do it in a middleware inside this one.",
    )
    SERVER_AMBIGUOUS = (
        "server_ambiguous",
        "The server treats `X_Forwarded_User` as `X-Forwarded-User`, so a client may have sent the proxy's header.",
        "Use a proxy that signs, or another server: Cheroot, Granian's WSGI and uWSGI do this; gunicorn, waitress and "
        "ASGI servers do not.",
    )
    HEADER_REPEATED = (
        "header_repeated",
        "The header with the user's id came twice, or contains a comma, which servers use to join two headers.",
        "Configure the proxy to overwrite the header and drop the client's.",
    )
    HEADER_MALFORMED = (
        "header_malformed",
        "The header with the user's id is not printable UTF-8 text.",
        "Fix what the proxy sends.",
    )

    # a signed assertion is refused
    ASSERTION_MALFORMED = (
        "assertion_malformed",
        "The assertion is not a JWT as this proxy makes it.",
        "Check what the proxy sends.",
    )
    ASSERTION_ALGORITHM = (
        "assertion_algorithm",
        "The assertion is not signed with the proxy's algorithm.",
        "Check `WIDGETMW_PROXY`, and what the proxy sends.",
    )
    ASSERTION_KEY = (
        "assertion_key",
        "No configured key has the `kid` of the assertion.",
        "Fetch the proxy's keys again: it has rotated them.",
    )
    ASSERTION_SIGNATURE = (
        "assertion_signature",
        "The signature of the assertion is invalid.",
        "Check that the configured keys belong to this proxy.",
    )
    ASSERTION_SIGNER = (
        "assertion_signer",
        "Another load balancer signed the assertion.",
        "Check `WIDGETMW_PROXY_SIGNER`.",
    )
    ASSERTION_AUDIENCE = (
        "assertion_audience",
        "The assertion is for another application.",
        "Check `WIDGETMW_PROXY_AUDIENCE`.",
    )
    ASSERTION_ISSUER = (
        "assertion_issuer",
        "The assertion has another issuer.",
        "Check `WIDGETMW_PROXY_ISSUER`.",
    )
    ASSERTION_EXPIRED = (
        "assertion_expired",
        "The assertion has expired.",
        "Set the clock of this machine or of the proxy.",
    )
    ASSERTION_EARLY = (
        "assertion_early",
        "The assertion is not valid yet.",
        "Set the clock of this machine or of the proxy.",
    )
    ASSERTION_INCOMPLETE = (
        "assertion_incomplete",
        "The assertion lacks a required claim.",
        "Check what the proxy sends.",
    )


def table() -> str:
    """Returns the reasons as a Markdown table, in the order of the class."""
    rows = [f"| `{each.code}` | {each.text} | {each.remedy} |" for each in ProxyReason]
    return "\n".join(["| reason | meaning | what to do |", "|---|---|---|", *rows]) + "\n"
