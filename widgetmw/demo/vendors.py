"""The stand-in backends, which verify tokens as each vendor's server would.

Each one knows the key shared with its vendor and applies that vendor's rules.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from widgetmw.demo import jws
from widgetmw.demo.keys import Keys

#: Hissuno's server accepts a token until this many seconds after its ``exp``, according to its source code.
HISSUNO_LEEWAY = 60
#: What widgets send with a digest.
_VISITOR = ("userId", "identifier", "email", "name")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A backend's verdict on a token or URL.

    ``status`` is the HTTP status the vendor would send. ``user`` is who the backend believes the visitor is.
    """

    verified: bool
    status: int
    error: str | None = None
    user: str | None = None
    claims: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns the fields, to be serialized."""
        return asdict(self)


#: Takes a token and what the widget sends with it; returns who the visitor is, and the claims.
_Check = Callable[[str, Mapping[str, str]], tuple[str, dict[str, Any]]]


class _Rejected(Exception):
    def __init__(self, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.status = status


class Vendors:
    """The backends, one per vendor.

    Args:
        keys: the accounts, shared with the site.
        clock: returns Unix time in seconds.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._clock = clock
        self._verify: dict[str, _Check] = {
            "digitalgenius": _of_token(self._digitalgenius),
            "hissuno": _of_token(self._hissuno),
            "orlo": _of_token(self._orlo),
            "giosg": _of_token(self._giosg),
            "intercom": _of_token(self._intercom),
            "zendesk": _of_token(self._zendesk),
            "chatwoot": _of_digest(keys.chatwoot_hmac_token, "identifier"),
            "crisp": _of_digest(keys.crisp_secret, "email"),
            "helpscout": _of_digest(keys.helpscout_secret, "email"),
            "tawk": _of_digest(keys.tawk_secret, "userId"),
            "front": _of_digest(keys.front_secret, "userId"),
        }

    def verify(self, vendor: str, token: str, visitor: Mapping[str, str] = {}) -> Verdict:
        """Returns the verdict of ``vendor``'s backend on a token.

        Args:
            vendor: the vendor's name.
            token: what the site has signed.
            visitor: what the widget sends with it; a digest does not say by itself what was signed.

        Raises:
            KeyError: ``vendor`` has no page in the demo.
        """
        check = self._verify[vendor]
        return _verdict(lambda signed: check(signed, visitor), token)

    def verify_url(self, url: str) -> Verdict:
        """Returns giosg's verdict on a signed chat URL."""
        return _verdict(self._giosg_url, url)

    def reply(self, vendor: str, token: str, visitor: Mapping[str, str] = {}) -> tuple[str, Verdict | None]:
        """Returns the reply to a chat message and the verdict on its token.

        Anonymous visitors send an empty token and get no verdict.
        """
        if not token:
            return "I cannot tell who you are. Sign in and ask again.", None
        verdict = self.verify(vendor, token, visitor)
        if not verdict.verified:
            return f"Your token was rejected: {verdict.error}.", verdict
        return f"You are {verdict.user}. I know this from the signed token sent with your message.", verdict

    def _digitalgenius(self, token: str) -> tuple[str, dict[str, Any]]:
        parsed = jws.verify(token, "HS256", jws.hs256(self._keys.dg_api_secret))
        if parsed.header.get("kid") != self._keys.dg_api_key:
            raise _Rejected("Unknown API key in kid")
        self._require_unexpired(parsed.claims)
        if parsed.claims.get("scope") != "user":
            raise _Rejected("scope is not user")
        return f"customer {_require_text(parsed.claims, 'external_id')}", parsed.claims

    def _hissuno(self, token: str) -> tuple[str, dict[str, Any]]:
        if not token:
            raise _Rejected("Widget token is required")
        try:
            parsed = jws.verify(token, "HS256", jws.hs256(self._keys.hissuno_secret_key))
        except jws.InvalidToken as error:
            raise _Rejected("Invalid token") from error
        self._require_unexpired(parsed.claims, HISSUNO_LEEWAY)
        user_id = parsed.claims.get("userId")
        if not isinstance(user_id, str) or not user_id:
            raise _Rejected("Token missing required userId field")
        metadata = parsed.claims.get("userMetadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return str(name or user_id), parsed.claims

    def _orlo(self, token: str) -> tuple[str, dict[str, Any]]:
        parsed = jws.verify(token, "RS256", jws.rs256(self._keys.orlo_private_key.public_key()))
        self._require_unexpired(parsed.claims)
        if parsed.claims.get("isLoggedIn") is not True:
            raise _Rejected("isLoggedIn is not true")
        return _require_text(parsed.claims, "name"), parsed.claims

    def _giosg(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            parsed = jws.verify(token, "HS256", jws.hs256(self._keys.giosg_signing_key))
        except jws.InvalidToken as error:
            raise _Rejected(str(error), 400) from error
        self._require_unexpired(parsed.claims, status=400)
        return str(parsed.claims.get("username") or "an unnamed visitor"), parsed.claims

    def _giosg_url(self, url: str) -> tuple[str, dict[str, Any]]:
        unsigned, _, signature = url.rpartition("&sig=")
        keys = self._keys
        room = f"/widgets/v1/public/orgs/{keys.giosg_organization}/rooms/{keys.giosg_room}/chat"
        if not unsigned.startswith(f"https://service.giosg.com{room}?"):
            raise _Rejected("Unknown room or missing signature", 404)
        query = {name: values[-1] for name, values in parse_qs(urlsplit(unsigned).query).items()}
        if query.get("alg") != "sha1":
            raise _Rejected("Wrong algorithm: expected sha1", 403)
        # SHA-1 over URL and key is the scheme the vendor documents.
        expected = hashlib.sha1((unsigned + keys.giosg_signing_key).encode()).hexdigest()  # noqa: S324
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise _Rejected("Bad signature", 403)
        if not re.fullmatch(r"[0-9]{1,12}", query.get("exp", "")):
            raise _Rejected("exp is not a timestamp", 403)
        self._require_unexpired({"exp": int(query["exp"])}, status=403)
        return query.get("var.name", "an unnamed visitor"), dict(query)

    def _intercom(self, token: str) -> tuple[str, dict[str, Any]]:
        parsed = jws.verify(token, "HS256", jws.hs256(self._keys.intercom_secret))
        self._require_unexpired(parsed.claims)
        user_id = _require_text(parsed.claims, "user_id")
        return str(parsed.claims.get("name") or user_id), parsed.claims

    def _zendesk(self, token: str) -> tuple[str, dict[str, Any]]:
        parsed = jws.verify(token, "HS256", jws.hs256(self._keys.zendesk_secret))
        if parsed.header.get("kid") != self._keys.zendesk_key_id:
            raise _Rejected("Unknown key in kid")
        self._require_unexpired(parsed.claims)
        if parsed.claims.get("scope") != "user":
            raise _Rejected("scope is not user")
        user_id = _require_text(parsed.claims, "external_id")
        return str(parsed.claims.get("name") or user_id), parsed.claims

    def _require_unexpired(self, claims: dict[str, Any], leeway: int = 0, status: int = 401) -> None:
        expiry = claims.get("exp")
        if expiry is None:
            return
        if not isinstance(expiry, int | float) or expiry + leeway <= self._clock():
            raise _Rejected("Token expired", status)


def _of_token(check: Callable[[str], tuple[str, dict[str, Any]]]) -> _Check:
    """Returns the check of a vendor whose token says by itself who the visitor is."""
    return lambda token, visitor: check(token)


def _of_digest(secret: str, signed: str) -> _Check:
    """Returns the check of a vendor whose token is the HMAC-SHA256 of one of the visitor's fields, in hexadecimal."""

    def check(token: str, visitor: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        text = _require_text(visitor, signed)
        digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(digest.encode(), token.encode()):
            raise _Rejected("Bad signature")
        return visitor.get("name") or text, {name: value for name, value in visitor.items() if name in _VISITOR}

    return check


def _require_text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise _Rejected(f"{name} is missing")
    return value


def _verdict(verify: Callable[[str], tuple[str, dict[str, Any]]], token_or_url: str) -> Verdict:
    try:
        user, claims = verify(token_or_url)
    except _Rejected as rejected:
        return Verdict(False, rejected.status, error=str(rejected))
    except jws.InvalidToken as error:
        return Verdict(False, 401, error=str(error))
    return Verdict(True, 200, user=user, claims=claims)
