"""Proxies that sign what they send: a JWT in a header, verified with configured keys and nothing else.

Neither the algorithm nor the key is ever taken from the assertion: its ``alg`` must be the proxy's own, its ``kid``
selects one of the configured keys, and its ``jwk``, ``jku`` and ``x5c`` are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import jwt

from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import HeaderValues, Proxy, ProxyIdentity, ProxyIdentityError, is_printable
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.settings import AUDIENCE, ISSUER, KEYS, SIGNER
from widgetmw.proxies.keys import Key, parse_public_keys

_CLOCK_SKEW: Final = 30.0  # seconds; what Google documents for its assertions
_MAX_LENGTH: Final = 16_384
_JWT: Final = jwt.PyJWT()
# Times are compared here, by the clock of the app.
_OPTIONS: Final[Any] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


class _SigningProxy(Proxy):
    """Verifies a JWT, which matches the pattern and has the required claims."""

    is_signed = True
    algorithm: ClassVar[str] = "ES256"
    pattern: ClassVar[str] = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}"
    required_claims: ClassVar[tuple[str, ...]] = ("exp", "iss", "sub", "aud")
    default_issuers: ClassVar[tuple[str, ...]] = ()
    has_claims_in_header: ClassVar[bool] = False  # the issuer and the expiry

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._keys: tuple[Key, ...] = values[KEYS]
        self._audiences: tuple[str, ...] = values[AUDIENCE] or ()
        self._issuers = (values[ISSUER],) if values[ISSUER] else self.default_issuers

    def describe_trust(self) -> str:
        return f"verified with {len(self._keys)} {self.algorithm} key{'s' if len(self._keys) > 1 else ''}"

    @classmethod
    def parse_keys(cls, text: str) -> tuple[Key, ...]:
        return parse_public_keys(text, cls.algorithm)

    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        """Verifies the assertion, and reads the user from it."""
        text = headers[self.header_names[0]][0]
        if len(text) > _MAX_LENGTH or not re.fullmatch(self.pattern, text):
            raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED)
        header = self._parse_header(text)
        claims = self._verify(text, header)
        parts = (header, claims) if self.has_claims_in_header else (claims,)
        issuers = [part["iss"] for part in parts if "iss" in part]
        if not issuers or any(issuer not in self._issuers for issuer in issuers):
            raise ProxyIdentityError(ProxyReason.ASSERTION_ISSUER)
        return _identity(claims, _check_times(parts, now))

    def _parse_header(self, text: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(text)
        except Exception:
            raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED) from None
        if "crit" in header:  # it requires extensions that we do not know
            raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED)
        if header.get("alg") != self.algorithm:
            raise ProxyIdentityError(ProxyReason.ASSERTION_ALGORITHM)
        return header

    def _verify(self, text: str, header: dict[str, Any]) -> dict[str, Any]:
        """Verifies signature and audience; returns the payload."""
        reason = ProxyReason.ASSERTION_KEY
        options: Any = {**_OPTIONS, "verify_aud": "aud" in self.required_claims, "require": self.required_claims}
        for key in self._keys:
            if key.id != header.get("kid") and key.id is not None:
                continue
            try:
                return _JWT.decode(text, key.key, [self.algorithm], options, audience=self._audiences)
            except jwt.InvalidSignatureError:
                reason = ProxyReason.ASSERTION_SIGNATURE
            except jwt.InvalidAudienceError:
                raise ProxyIdentityError(ProxyReason.ASSERTION_AUDIENCE) from None
            except jwt.MissingRequiredClaimError:
                raise ProxyIdentityError(ProxyReason.ASSERTION_INCOMPLETE) from None
            except Exception:
                raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED) from None
        raise ProxyIdentityError(reason)


def _check_times(parts: tuple[dict[str, Any], ...], now: float) -> float:
    """Returns when the assertion expires."""
    ends = [_time(part["exp"]) for part in parts if "exp" in part]
    if not ends:
        raise ProxyIdentityError(ProxyReason.ASSERTION_INCOMPLETE)
    starts = [_time(part[name]) for part in parts for name in ("iat", "nbf") if name in part]
    if any(start > now + _CLOCK_SKEW for start in starts):
        raise ProxyIdentityError(ProxyReason.ASSERTION_EARLY)
    if min(ends) + _CLOCK_SKEW <= now:
        raise ProxyIdentityError(ProxyReason.ASSERTION_EXPIRED)
    return min(ends)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED)
    return float(value)


def _identity(claims: dict[str, Any], expires_at: float) -> ProxyIdentity:
    id = claims["sub"]
    if isinstance(id, str) and not id.strip():
        return ProxyIdentity(None, expires_at=expires_at)  # a service, or a route that is open to everybody
    if not is_printable(id):
        raise ProxyIdentityError(ProxyReason.ASSERTION_MALFORMED)
    fields = {name: claims[name] for name in ("name", "email") if claims.get(name) not in (None, "")}
    verified = claims.get("email_verified")  # AWS passes on what the identity provider says, some of them as text
    if verified in (False, "false"):
        fields.pop("email", None)
    kept = {name: value for name, value in fields.items() if is_printable(value)}
    is_verified = True if "email" in kept and (verified is True or verified == "true") else None
    return ProxyIdentity(User(id, **kept, email_verified=is_verified), kept != fields, expires_at)


class CloudflareAccess(_SigningProxy):
    """Cloudflare Access: RS256, one audience tag for each application (documented)."""

    name = "cloudflare-access"
    algorithm = "RS256"
    header_names = ("cf-access-jwt-assertion",)
    required_variables: ClassVar[tuple[str, ...]] = (KEYS, AUDIENCE, ISSUER)


class Pomerium(_SigningProxy):
    """Pomerium: ES256 with the configured signing key; audience and issuer are the route's host (documented).

    If ``WIDGETMW_PROXY_ISSUER`` is not set, the issuer must be one of the audiences.
    """

    name = "pomerium"
    header_names = ("x-pomerium-jwt-assertion",)
    required_variables: ClassVar[tuple[str, ...]] = (KEYS, AUDIENCE)
    optional_variables: ClassVar[tuple[str, ...]] = (ISSUER,)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._issuers = self._issuers or self._audiences


class GoogleIap(_SigningProxy):
    """Google's Identity-Aware Proxy: ES256, always the same issuer (documented)."""

    name = "google-iap"
    header_names = ("x-goog-iap-jwt-assertion",)
    required_variables: ClassVar[tuple[str, ...]] = (KEYS, AUDIENCE)
    default_issuers: ClassVar[tuple[str, ...]] = ("https://cloud.google.com/iap",)


class AwsAlb(_SigningProxy):
    """AWS Application Load Balancer: ES256, with padding; issuer and expiry also in the header (documented).

    All load balancers of a region sign with the same keys, whoever owns them. Only the ``signer`` tells ours from the
    others. There is no audience.
    """

    name = "aws-alb"
    header_names = ("x-amzn-oidc-data",)
    pattern = r"[A-Za-z0-9_-]+={0,2}(\.[A-Za-z0-9_-]+={0,2}){2}"
    required_claims: ClassVar[tuple[str, ...]] = ("sub",)
    has_claims_in_header = True
    required_variables: ClassVar[tuple[str, ...]] = (KEYS, SIGNER, ISSUER)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._signer: str = values[SIGNER]

    def _parse_header(self, text: str) -> dict[str, Any]:
        header = super()._parse_header(text)
        if header.get("signer") != self._signer:
            raise ProxyIdentityError(ProxyReason.ASSERTION_SIGNER)
        return header
