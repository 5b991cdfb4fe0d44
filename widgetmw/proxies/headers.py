"""Proxies that send the user in plain headers. Only the proxy's address shows that they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import HeaderValues, Proxy, ProxyIdentity, ProxyIdentityError, is_printable
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.settings import EMAIL_HEADER, NAME_HEADER, USER_HEADER


class _HeaderProxy(Proxy):
    """Reads the user's id from one header, and name and email from two others if they are there.

    The names of the headers are in lower case; those of name and email may be ``None``.
    """

    user_header: str
    name_header: str | None
    email_header: str | None

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.header_names = tuple(name for name in (self.user_header, self.name_header, self.email_header) if name)

    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        """Reads the user. An ambiguous id is refused; an ambiguous name or email is dropped."""
        id = _parse_value(headers[self.user_header])
        name, email = (self._optional_value(header, headers) for header in (self.name_header, self.email_header))
        return ProxyIdentity(User(id, name or None, email or None), None in (name, email))

    @staticmethod
    def _optional_value(header: str | None, headers: HeaderValues) -> str | None:
        """Returns a name or an email, empty if there is none; ``None`` if it must be dropped."""
        values = headers.get(header, ()) if header else ()
        if not any(value.strip(" \t") for value in values):
            return ""
        try:
            return _parse_value(values)
        except ProxyIdentityError:
            return None


def _parse_value(values: Sequence[str]) -> str:
    if len(values) > 1 or "," in values[0]:
        raise ProxyIdentityError(ProxyReason.HEADER_REPEATED)
    try:
        text = values[0].strip(" \t").encode("latin-1").decode()
    except UnicodeError:
        raise ProxyIdentityError(ProxyReason.HEADER_MALFORMED) from None
    if not is_printable(text):
        raise ProxyIdentityError(ProxyReason.HEADER_MALFORMED)
    return text


class OAuth2Proxy(_HeaderProxy):
    """oauth2-proxy as the reverse proxy itself (``--pass-user-headers``, its default).

    Source: its options. The user is the provider's subject, or the email with ``--prefer-email-to-user``.
    """

    name = "oauth2-proxy"
    user_header = "x-forwarded-user"
    name_header = "x-forwarded-preferred-username"
    email_header = "x-forwarded-email"


class OAuth2ProxyNginx(_HeaderProxy):
    """oauth2-proxy called by nginx, ingress-nginx or Traefik (``--set-xauthrequest``), which forward its headers.

    Source: its options.
    """

    name = "oauth2-proxy-nginx"
    user_header = "x-auth-request-user"
    name_header = "x-auth-request-preferred-username"
    email_header = "x-auth-request-email"


class Authelia(_HeaderProxy):
    """Authelia's trusted header SSO.

    Source: its documentation.
    """

    name = "authelia"
    user_header = "remote-user"
    name_header = "remote-name"
    email_header = "remote-email"


class PomeriumClaims(_HeaderProxy):
    """Pomerium's unsigned claim headers (``jwt_claims_headers``), for setups without its signed assertion.

    Source: its documentation. A claim that the user lacks is sent as an empty header (source: its code).
    """

    name = "pomerium-claims"
    user_header = "x-pomerium-claim-sub"
    name_header = "x-pomerium-claim-name"
    email_header = "x-pomerium-claim-email"


class Headers(_HeaderProxy):
    """Any other proxy, with its headers named by variables."""

    name = "headers"
    required_variables = (USER_HEADER,)
    optional_variables = (NAME_HEADER, EMAIL_HEADER)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.user_header = values[USER_HEADER].lower()
        self.name_header = values[NAME_HEADER] and values[NAME_HEADER].lower()
        self.email_header = values[EMAIL_HEADER] and values[EMAIL_HEADER].lower()
        super().__init__(values)
