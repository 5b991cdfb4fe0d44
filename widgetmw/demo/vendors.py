"""The stand-in backends: what each vendor's server would say about a token.

Each one knows the key that was exchanged with the vendor, and applies the vendor's own rules.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from widgetmw.demo import jws
from widgetmw.demo.keys import Keys

#: Hissuno's server accepts a token for so many seconds after its ``exp`` (read in its source).
HISSUNO_TOLERANCE = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """A backend's answer. ``status`` is the HTTP status that the vendor would send.

    ``who`` is the person that the backend now takes the visitor for.
    """

    verified: bool
    status: int
    error: str | None = None
    who: str | None = None
    claims: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Refused(Exception):
    def __init__(self, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.status = status


class Vendors:
    """The four backends over one set of accounts.

    Args:
        keys: the accounts, as both sides know them.
        clock: Unix time in seconds.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._clock = clock
        self._verify: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
            "digitalgenius": self._digitalgenius,
            "hissuno": self._hissuno,
            "orlo": self._orlo,
            "giosg": self._giosg,
        }

    def verify(self, vendor: str, token: str) -> Verdict:
        """What the backend of ``vendor`` says about a token.

        Raises:
            KeyError: it is not one of the four.
        """
        return _verdict(self._verify[vendor], token)

    def verify_url(self, url: str) -> Verdict:
        """What giosg says about a signed chat URL."""
        return _verdict(self._giosg_url, url)

    def reply(self, vendor: str, token: str) -> tuple[str, Verdict | None]:
        """What the backend answers to a chat message. An empty ``token`` is an anonymous visitor's."""
        if not token:
            return "I cannot tell who you are. Sign in, and I will know.", None
        verdict = self.verify(vendor, token)
        if not verdict.verified:
            return f"I cannot answer that: {verdict.error}.", verdict
        return f"You are {verdict.who}. The signed token beside your message says so, not the page.", verdict

    def _digitalgenius(self, token: str) -> tuple[str, dict[str, Any]]:
        found = jws.verify(token, "HS256", jws.hs256(self._keys.dg_api_secret))
        if found.header.get("kid") != self._keys.dg_api_key:
            raise _Refused("Unknown API key in kid")
        self._not_expired(found.claims)
        if found.claims.get("scope") != "user":
            raise _Refused("scope is not user")
        return f"customer {_text(found.claims, 'external_id')}", found.claims

    def _hissuno(self, token: str) -> tuple[str, dict[str, Any]]:
        if not token:
            raise _Refused("Widget token is required")
        try:
            found = jws.verify(token, "HS256", jws.hs256(self._keys.hissuno_secret_key))
        except jws.BadToken as error:
            raise _Refused("Invalid token") from error
        self._not_expired(found.claims, HISSUNO_TOLERANCE)
        user_id = found.claims.get("userId")
        if not isinstance(user_id, str) or not user_id:
            raise _Refused("Token missing required userId field")
        metadata = found.claims.get("userMetadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return str(name or user_id), found.claims

    def _orlo(self, token: str) -> tuple[str, dict[str, Any]]:
        found = jws.verify(token, "RS256", jws.rs256(self._keys.orlo_private_key.public_key()))
        self._not_expired(found.claims)
        if found.claims.get("isLoggedIn") is not True:
            raise _Refused("isLoggedIn is not true")
        return _text(found.claims, "name"), found.claims

    def _giosg(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            found = jws.verify(token, "HS256", jws.hs256(self._keys.giosg_signing_key))
        except jws.BadToken as error:
            raise _Refused(str(error), 400) from error
        self._not_expired(found.claims, status=400)
        return str(found.claims.get("username") or "a visitor without a name"), found.claims

    def _giosg_url(self, url: str) -> tuple[str, dict[str, Any]]:
        unsigned, _, signature = url.rpartition("&sig=")
        keys = self._keys
        room = f"/widgets/v1/public/orgs/{keys.giosg_organization}/rooms/{keys.giosg_room}/chat"
        if not unsigned.startswith(f"https://service.giosg.com{room}?"):
            raise _Refused("Unknown room, or no signature", 404)
        query = {name: values[-1] for name, values in parse_qs(urlsplit(unsigned).query).items()}
        if query.get("alg") != "sha1":
            raise _Refused("Wrong algorithm: sha1 is expected", 403)
        # SHA-1 over URL and key is what the vendor documents, not a choice of ours.
        expected = hashlib.sha1((unsigned + keys.giosg_signing_key).encode()).hexdigest()  # noqa: S324
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise _Refused("Bad signature", 403)
        if not re.fullmatch(r"[0-9]{1,12}", query.get("exp", "")):
            raise _Refused("exp is not a time", 403)
        self._not_expired({"exp": int(query["exp"])}, status=403)
        return query.get("var.name", "a visitor without a name"), dict(query)

    def _not_expired(self, claims: dict[str, Any], tolerance: int = 0, status: int = 401) -> None:
        expiry = claims.get("exp")
        if expiry is None:
            return
        if not isinstance(expiry, int | float) or expiry + tolerance <= self._clock():
            raise _Refused("Token expired", status)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise _Refused(f"{name} is missing")
    return value


def _verdict(verify: Callable[[str], tuple[str, dict[str, Any]]], proof: str) -> Verdict:
    try:
        who, claims = verify(proof)
    except _Refused as refused:
        return Verdict(False, refused.status, error=str(refused))
    except jws.BadToken as error:
        return Verdict(False, 401, error=str(error))
    return Verdict(True, 200, who=who, claims=claims)
