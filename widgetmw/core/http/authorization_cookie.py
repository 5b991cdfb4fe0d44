"""The authorization cookie: the browser has sent ``Authorization`` by itself with a page that has a token.

A browser sends the header of HTTP Basic, Digest or Negotiate only to paths below the folder of the page that asked for
it. Elsewhere its absence says nothing about the user, so it must not end a conversation. Only the endpoint gets the
cookie. Like the browser's own memory of the password, it lasts until the browser is closed. It is not set beside a
session, which may be what names the user: then the endpoint sees a sign-out.
"""

from __future__ import annotations

from typing import Final

AUTHORIZATION_COOKIE: Final = "widgetmw_authorization"
FORGOTTEN_AUTHORIZATION: Final = ("Set-Cookie", f"{AUTHORIZATION_COOKIE}=; Max-Age=0")
"""Deletes the cookie with a response of ``/token``, whose folder is the cookie's path."""

_SCHEMES: Final = frozenset({"basic", "digest", "negotiate", "ntlm"})


def is_sent_by_browsers(authorization: str) -> bool:
    """Whether browsers send such an ``Authorization`` header by themselves. Scripts send others, such as ``Bearer``."""
    return authorization.partition(" ")[0].lower() in _SCHEMES


def authorization_cookie(endpoint_path: str, is_https: bool) -> str:
    """Returns the value of the ``Set-Cookie`` header."""
    path = endpoint_path.replace(";", "%3B")
    return f"{AUTHORIZATION_COOKIE}=1; Path={path}; HttpOnly; SameSite=Lax{'; Secure' if is_https else ''}"


def lacks_authorization(cookies: str, authorization: str) -> bool:
    """Whether a token request, given its ``Cookie`` and ``Authorization`` headers, does not show the user of a page."""
    return not authorization and f"{AUTHORIZATION_COOKIE}=1" in cookies
