"""Why the identity from a proxy was not used: one code per reason, with what it means and how to fix it.

The codes are public: they appear in the counters (``proxy:<code>``), in log lines and in the documentation, whose table
is generated from :class:`ProxyReason`.
"""

from __future__ import annotations

from enum import unique
from typing import final

from widgetmw.core.reasons import Reason


@final
@unique
class ProxyReason(Reason):
    """A reason to treat a request as anonymous, to refuse it, or to drop a part of the user."""

    # the user is anonymous
    ABSENT = (
        "The request has no identity header. The user is anonymous.",
        "Nothing, for pages that the proxy does not protect. Otherwise check which headers the proxy sends.",
    )
    BLANK = ("The identity header is empty, or the assertion names no person. The user is anonymous.", "Nothing.")
    ADDRESS_NOT_LISTED = (
        "Identity headers came from an address that is not in `WIDGETMW_PROXY_ADDRESSES`. The user is anonymous.",
        "If it was the proxy, add its address. If not, somebody tried to impersonate a user.",
    )

    # the user is signed in, with less than the proxy sent
    VALUE_LEFT_OUT = (
        "A name or an email was dropped because it came twice, contains a comma or cannot be printed.",
        "Fix what the proxy sends.",
    )

    # the headers are refused
    ADDRESS_REWRITTEN = (
        "The server replaced the proxy's address with one from `X-Forwarded-For`, so the sender is unknown.",
        "Turn that off in the server (uvicorn: `--no-proxy-headers`), and do it in a middleware inside this one.",
    )
    SERVER_AMBIGUOUS = (
        "The server treats `X_Forwarded_User` as `X-Forwarded-User`, so a client may have sent the proxy's header.",
        "Use a proxy that signs, or another server: Cheroot, Granian's WSGI and uWSGI do this; gunicorn, waitress and "
        "ASGI servers do not.",
    )
    HEADER_REPEATED = (
        "The header with the user's id came twice, or contains a comma, which servers use to join two headers.",
        "Configure the proxy to overwrite the header and drop the client's.",
    )
    HEADER_MALFORMED = ("The header with the user's id is not printable UTF-8 text.", "Fix what the proxy sends.")

    # a signed assertion is refused
    ASSERTION_MALFORMED = ("The assertion is not a JWT as this proxy makes it.", "Check what the proxy sends.")
    ASSERTION_ALGORITHM = (
        "The assertion is not signed with the proxy's algorithm.",
        "Check `WIDGETMW_PROXY`, and what the proxy sends.",
    )
    ASSERTION_KEY = (
        "No configured key has the `kid` of the assertion.",
        "Fetch the proxy's keys again: it has rotated them.",
    )
    ASSERTION_SIGNATURE = (
        "The signature of the assertion is invalid.",
        "Check that the configured keys belong to this proxy.",
    )
    ASSERTION_SIGNER = ("Another load balancer signed the assertion.", "Check `WIDGETMW_PROXY_SIGNER`.")
    ASSERTION_AUDIENCE = ("The assertion is for another application.", "Check `WIDGETMW_PROXY_AUDIENCE`.")
    ASSERTION_ISSUER = ("The assertion has another issuer.", "Check `WIDGETMW_PROXY_ISSUER`.")
    ASSERTION_EXPIRED = ("The assertion has expired.", "Check the clocks of this machine and of the proxy.")
    ASSERTION_EARLY = ("The assertion is not valid yet.", "Check the clocks of this machine and of the proxy.")
    ASSERTION_INCOMPLETE = ("The assertion lacks a required claim.", "Check what the proxy sends.")
