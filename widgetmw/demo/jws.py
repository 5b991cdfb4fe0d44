"""Reads and verifies compact JWS tokens, apart from the library that signs ours.

The stand-in backends must not share a mistake with the code they check.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

#: Takes the signed bytes and the signature; says whether they belong together.
Check = Callable[[bytes, bytes], bool]


class BadToken(ValueError):
    """Not a token, or not one that the key signed."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token taken apart. ``signed`` and ``signature`` are raw bytes."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(token: str) -> Jws:
    """Takes a compact token apart without trusting it.

    Raises:
        BadToken: it is not three base64url parts with two JSON objects.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("Not a signed token: three parts are expected")
    try:
        header, claims = json.loads(_decode(parts[0])), json.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadToken("Not a signed token: its parts cannot be read") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("Not a signed token: header and claims must be objects")
    return Jws(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def verify(token: str, algorithm: str, check: Check) -> Jws:
    """Returns the token, if ``check`` accepts its signature and its header names ``algorithm``.

    The algorithm is the verifier's choice, never the token's.

    Raises:
        BadToken: otherwise.
    """
    jws = parse(token)
    if jws.header.get("alg") != algorithm:
        raise BadToken(f"Wrong algorithm: {algorithm} is expected")
    if not check(jws.signed, jws.signature):
        raise BadToken("Bad signature")
    return jws


def hs256(key: str) -> Check:
    """HMAC-SHA256 with the bytes of ``key`` as they stand."""

    def check(signed: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.new(key.encode(), signed, hashlib.sha256).digest(), signature)

    return check


def rs256(key: rsa.RSAPublicKey) -> Check:
    """RSA with PKCS #1 v1.5 padding over SHA-256."""

    def check(signed: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return check


def _decode(part: str) -> bytes:
    # A last character with stray bits would let two spellings of one signature pass: spelling must be exact.
    data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != part:
        raise ValueError("not the canonical base64url form")
    return data
