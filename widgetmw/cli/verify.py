"""``widgetmw verify``: says whose key signed a token or a signed URL, and whether it is still valid."""

from __future__ import annotations

import json
import os
import re
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from widgetmw.core.env.variable import EnvReader
from widgetmw.core.identity.user import User
from widgetmw.core.settings import read_settings
from widgetmw.providers.signing import decode

VALID, INVALID, NOT_A_TOKEN = 0, 1, 2
_HASH = re.compile(r"([0-9A-Fa-f]{2}){16,64}")


def run(options: Namespace) -> int:
    """Prints the result.

    Returns 0 if the token is valid, 1 if it has expired, was altered or is of another key, 2 if it is not a token.
    """
    text = options.token.strip()
    is_url = text.startswith(("http://", "https://"))
    claims = _url_claims(text) if is_url else decode(text).get("claims") if text.isascii() else None
    if claims is None or (is_url and "sig" not in claims):
        print("this is neither a JSON Web Token nor a signed URL")
        if _HASH.fullmatch(text):
            print(
                "it may be a keyed hash, which does not say whom it is of: compare it with `widgetmw token --user ID`"
            )
        return NOT_A_TOKEN
    providers = [vendor.provider for vendor in read_settings(EnvReader(os.environ)).vendors]
    signer = next((provider.name for provider in providers if _is_signed_by(provider, text, is_url)), None)
    print(json.dumps({name: value for name, value in claims.items() if name != "sig"}, indent=2))
    if not providers:
        print("no vendor is configured in this shell, so its key is not known: set the variables of the app")
        return INVALID
    if signer is None:
        active = ", ".join(provider.name for provider in providers)
        print(f"not signed with the key of an active vendor ({active}), or altered since")
        return INVALID
    if claims.get("exp") is None:
        print(f"signed with the key of {signer}; does not expire")
        return VALID
    expiry = _moment(claims["exp"])
    if expiry is None:
        print(f"signed with the key of {signer}; its exp is no time")
        return INVALID
    is_valid = datetime.now(UTC) < expiry
    moment = expiry.isoformat(sep=" ", timespec="seconds")
    print(f"signed with the key of {signer}; {'valid until' if is_valid else 'expired at'} {moment}")
    return VALID if is_valid else INVALID


def _url_claims(url: str) -> dict[str, str] | None:
    try:
        return dict(parse_qsl(urlsplit(url).query))
    except ValueError:
        return None


def _is_signed_by(provider: Any, text: str, is_url: bool) -> bool:
    try:
        if is_url:
            provider.verify_url(text)
        else:
            provider.verify(text, User("x"))
    except Exception:  # each vendor raises its own, and most sign no URL
        return False
    return True


def _moment(value: Any) -> datetime | None:
    """Returns the time of a claim; ``None`` if it is not a number, or of no year that has four digits."""
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
