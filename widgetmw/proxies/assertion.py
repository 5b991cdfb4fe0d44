"""Proxies that sign what they say: a JWT in a header, verified with configured keys and nothing else.

Neither the algorithm nor the key is ever taken from the assertion: its ``alg`` must be the proxy's own, its ``kid``
chooses among the configured keys, and its ``jwk``, ``jku`` and ``x5c`` are not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import jwt

from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import Found, Lines, Proxy, Refused, usable
from widgetmw.core.proxy.settings import AUDIENCE, ISSUER, KEYS, SIGNER
from widgetmw.proxies.keys import Key, public_keys

_LEEWAY: Final = 30.0  # seconds that two clocks may differ; what Google documents for its assertions
_LONGEST: Final = 16_384
_JWT: Final = jwt.PyJWT()
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PADDED: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]+={0,2}")
_OPTIONS: Final[Any] = {
    "verify_exp": False,  # times are compared here, by the clock of the app
    "verify_nbf": False,
    "verify_iat": False,
    "verify_iss": False,
}
_ERRORS: Final = (
    (jwt.InvalidAudienceError, "assertion_audience"),
    (jwt.MissingRequiredClaimError, "assertion_incomplete"),
    (jwt.InvalidSignatureError, "assertion_signature"),
)


class _Signed(Proxy):
    """Verifies a JWT.

    Attributes:
        algorithm: the one that the proxy signs with.
        shape: what its assertion looks like.
    """

    signed = True
    algorithm: ClassVar[str] = "ES256"
    shape: ClassVar[re.Pattern[str]] = _SHAPE

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._keys: tuple[Key, ...] = values[KEYS]
        self._audiences: tuple[str, ...] = values[AUDIENCE] or ()
        self._issuers: tuple[str, ...] = (values[ISSUER],) if values[ISSUER] else ()

    def facts(self) -> str:
        """Says how many keys there are."""
        return f"verified with {len(self._keys)} {self.algorithm} key{'s' if len(self._keys) > 1 else ''}"

    @classmethod
    def keys(cls, text: str) -> tuple[Key, ...]:
        """Parses the public keys of the proxy's algorithm."""
        return public_keys(text, cls.algorithm)

    def read(self, lines: Lines, now: float) -> Found:
        """Verifies the assertion, and reads the person out of it."""
        text = lines[self.headers[0]][0]
        if len(text) > _LONGEST or not self.shape.fullmatch(text):
            raise Refused("assertion_malformed")
        header = self._header(text)
        claims = self._claims(text, header)
        self._check_issuer([place["iss"] for place in self._places(header, claims) if "iss" in place])
        until = self._check_times(self._places(header, claims), now)
        return self._person(claims)._replace(until=until)

    def _places(self, header: dict[str, Any], claims: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Where issuer and times stand."""
        return (claims,)

    def _header(self, text: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(text)
        except Exception:
            raise Refused("assertion_malformed") from None
        if "crit" in header:  # it asks for rules that we do not know
            raise Refused("assertion_malformed")
        if header.get("alg") != self.algorithm:
            raise Refused("assertion_algorithm")
        return header

    def _claims(self, text: str, header: dict[str, Any]) -> dict[str, Any]:
        """Returns the payload, its signature and audience verified."""
        refused = Refused("assertion_key")
        for key in self._keys:
            if key.id != header.get("kid") and key.id is not None:
                continue
            try:
                return self._decoded(text, key)
            except jwt.InvalidSignatureError:
                refused = Refused("assertion_signature")
            except Exception as error:
                raise Refused(_code(error)) from None
        raise refused

    def _decoded(self, text: str, key: Key) -> dict[str, Any]:
        options: Any = {**_OPTIONS, "require": ["exp", "iss", "sub", "aud"]}
        return _JWT.decode(text, key.key, algorithms=[self.algorithm], audience=self._audiences, options=options)

    def _check_issuer(self, said: list[Any]) -> None:
        if not said or any(issuer not in self._issuers for issuer in said):
            raise Refused("assertion_issuer")

    @staticmethod
    def _check_times(places: tuple[dict[str, Any], ...], now: float) -> float:
        """Returns when the assertion expires."""
        ends = [_time(place["exp"]) for place in places if "exp" in place]
        if not ends:
            raise Refused("assertion_incomplete")
        starts = [_time(place[name]) for place in places for name in ("iat", "nbf") if name in place]
        if any(start > now + _LEEWAY for start in starts):
            raise Refused("assertion_early")
        if min(ends) + _LEEWAY <= now:
            raise Refused("assertion_expired")
        return min(ends)

    def _person(self, claims: dict[str, Any]) -> Found:
        id = claims["sub"]
        if isinstance(id, str) and not id.strip():
            return Found(None)  # a service, or a route that is open to everybody
        if not usable(id):
            raise Refused("assertion_malformed")
        details = {name: claims[name] for name in ("name", "email") if claims.get(name) not in (None, "")}
        if claims.get("email_verified") in (False, "false"):
            details.pop("email", None)
        known = {name: value for name, value in details.items() if usable(value)}
        return Found(User(id, **known), known != details)


def _code(error: Exception) -> str:
    return next((code for kind, code in _ERRORS if isinstance(error, kind)), "assertion_malformed")


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("assertion_malformed")
    return float(value)


class CloudflareAccess(_Signed):
    """Cloudflare Access: RS256, one audience tag for each application (documented)."""

    name = "cloudflare-access"
    algorithm = "RS256"
    headers = ("cf-access-jwt-assertion",)
    needs = (KEYS, AUDIENCE, ISSUER)


class Pomerium(_Signed):
    """Pomerium: ES256 with the configured signing key; audience and issuer are the route's host (documented).

    Where ``WIDGETMW_PROXY_ISSUER`` is not set, the issuer must be one of the audiences.
    """

    name = "pomerium"
    headers = ("x-pomerium-jwt-assertion",)
    needs = (KEYS, AUDIENCE)
    takes = (ISSUER,)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._issuers = self._issuers or self._audiences


class GoogleIap(_Signed):
    """Google's Identity-Aware Proxy: ES256, the issuer is always the same (documented)."""

    name = "google-iap"
    headers = ("x-goog-iap-jwt-assertion",)
    needs = (KEYS, AUDIENCE)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._issuers = ("https://cloud.google.com/iap",)


class AwsAlb(_Signed):
    """AWS Application Load Balancer: ES256, with padding; issuer and expiry also in the header (documented).

    Everybody's load balancers of a region sign with the same keys, so that the ``signer`` is what tells ours from
    those of others. There is no audience.
    """

    name = "aws-alb"
    headers = ("x-amzn-oidc-data",)
    shape = _PADDED
    needs = (KEYS, SIGNER, ISSUER)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._signer: str = values[SIGNER]

    def _header(self, text: str) -> dict[str, Any]:
        header = super()._header(text)
        if header.get("signer") != self._signer:
            raise Refused("assertion_signer")
        return header

    def _places(self, header: dict[str, Any], claims: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        return header, claims

    def _decoded(self, text: str, key: Key) -> dict[str, Any]:
        options: Any = {**_OPTIONS, "verify_aud": False, "require": ["sub"]}
        return _JWT.decode(text, key.key, algorithms=[self.algorithm], options=options)
