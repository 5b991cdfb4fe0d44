"""Proxies that name the user in plain headers, which prove nothing but that the proxy's address is to be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import Found, Lines, Proxy, Refused, usable
from widgetmw.core.proxy.settings import EMAIL_HEADER, NAME_HEADER, USER_HEADER


class _Plain(Proxy):
    """Reads the id from one header, and name and email from two others where they are there."""

    user: str
    called: str | None
    email: str | None

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.headers = tuple(header for header in (self.user, self.called, self.email) if header)

    def read(self, lines: Lines, now: float) -> Found:
        """Reads the person; an id in doubt is refused, a name or email in doubt left out."""
        id = _text(lines[self.user])
        name, email = (self._detail(header, lines) for header in (self.called, self.email))
        return Found(User(id, name or None, email or None), None in (name, email))

    @staticmethod
    def _detail(header: str | None, lines: Lines) -> str | None:
        """A name or email, empty where there is none, ``None`` where it is in doubt."""
        values = lines.get(header, ()) if header else ()
        if not any(line.strip(" \t") for line in values):
            return ""
        try:
            return _text(values)
        except Refused:
            return None


def _text(values: Sequence[str]) -> str:
    if len(values) > 1 or "," in values[0]:
        raise Refused("header_repeated")
    try:
        text = values[0].strip(" \t").encode("latin-1").decode()
    except UnicodeError:
        raise Refused("header_malformed") from None
    if not usable(text):
        raise Refused("header_malformed")
    return text


class OAuth2Proxy(_Plain):
    """oauth2-proxy as the reverse proxy itself (``--pass-user-headers``, its default).

    Source: its options; the user is the provider's subject, or the email with ``--prefer-email-to-user``.
    """

    name = "oauth2-proxy"
    user = "x-forwarded-user"
    called = "x-forwarded-preferred-username"
    email = "x-forwarded-email"


class OAuth2ProxyNginx(_Plain):
    """oauth2-proxy asked by nginx, ingress-nginx or Traefik (``--set-xauthrequest``), its answer's headers passed on.

    Source: its options.
    """

    name = "oauth2-proxy-nginx"
    user = "x-auth-request-user"
    called = "x-auth-request-preferred-username"
    email = "x-auth-request-email"


class Authelia(_Plain):
    """Authelia's trusted header SSO.

    Source: its documentation.
    """

    name = "authelia"
    user = "remote-user"
    called = "remote-name"
    email = "remote-email"


class PomeriumClaims(_Plain):
    """Pomerium's unsigned claim headers (``jwt_claims_headers``), for where its signed assertion cannot be had.

    Source: its documentation; a claim that the user lacks comes as an empty header (code).
    """

    name = "pomerium-claims"
    user = "x-pomerium-claim-sub"
    called = "x-pomerium-claim-name"
    email = "x-pomerium-claim-email"


class Headers(_Plain):
    """Any other proxy, its headers named by variables."""

    name = "headers"
    needs = (USER_HEADER,)
    takes = (NAME_HEADER, EMAIL_HEADER)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.user = values[USER_HEADER].lower()
        self.called, self.email = (values[name] and values[name].lower() for name in (NAME_HEADER, EMAIL_HEADER))
        super().__init__(values)
