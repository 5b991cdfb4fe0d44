"""Proxies that send the user in plain headers. Only the proxy's address shows that they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import HeaderValues, Proxy, ProxyIdentity, ProxyIdentityError, is_printable
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.settings import EMAIL_HEADER, NAME_HEADER, USER_HEADER


class _HeaderProxy(Proxy):
    """Reads the user's id from the first header, and name and email from the others if they are there.

    The empty string stands for a header that is not configured.
    """

    header_names: tuple[str, str, str]

    def __init__(self, values: Mapping[str, Any]) -> None:
        pass

    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        """Reads the user. An ambiguous id is refused; an ambiguous name or email is dropped."""
        id = _parse_value(headers[self.header_names[0]])
        name, email = (_optional_value(headers.get(header, ()) if header else ()) for header in self.header_names[1:])
        return ProxyIdentity(User(id, name or None, email or None), None in (name, email))


def _optional_value(values: Sequence[str]) -> str | None:
    """Returns a name or an email, empty if there is none; ``None`` if it must be dropped."""
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
    header_names = ("x-forwarded-user", "x-forwarded-preferred-username", "x-forwarded-email")


class OAuth2ProxyNginx(_HeaderProxy):
    """oauth2-proxy called by nginx, ingress-nginx or Traefik (``--set-xauthrequest``, source: its options)."""

    name = "oauth2-proxy-nginx"
    header_names = ("x-auth-request-user", "x-auth-request-preferred-username", "x-auth-request-email")


class Authelia(_HeaderProxy):
    """Authelia's trusted header SSO (source: its documentation)."""

    name = "authelia"
    header_names = ("remote-user", "remote-name", "remote-email")


class PomeriumClaims(_HeaderProxy):
    """Pomerium's unsigned claim headers (``jwt_claims_headers``), for setups without its signed assertion.

    Source: its documentation. A claim that the user lacks is sent as an empty header (source: its code).
    """

    name = "pomerium-claims"
    header_names = ("x-pomerium-claim-sub", "x-pomerium-claim-name", "x-pomerium-claim-email")


class Headers(_HeaderProxy):
    """Any other proxy, with its headers named by variables."""

    name = "headers"
    required_variables: ClassVar[tuple[str, ...]] = (USER_HEADER,)
    optional_variables: ClassVar[tuple[str, ...]] = (NAME_HEADER, EMAIL_HEADER)

    def __init__(self, values: Mapping[str, Any]) -> None:
        user, name, email = ((values[variable] or "").lower() for variable in (USER_HEADER, NAME_HEADER, EMAIL_HEADER))
        self.header_names = (user, name, email)
