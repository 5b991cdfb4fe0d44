"""Parses and verifies compact JWS tokens, independently of the library that signs them.

The stand-in backends must not share a bug with the code they check.
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

#: Takes the signed bytes and the signature; returns whether the signature is valid.
SignatureCheck = Callable[[bytes, bytes], bool]


class InvalidToken(ValueError):
    """The token is malformed or its signature is invalid. The message is shown to the visitor."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed token. ``signed`` is the input of the signature; both are raw bytes."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(token: str) -> Jws:
    """Parses a compact token without verifying its signature.

    Raises:
        InvalidToken: it is not three base64url parts, of which the first two are JSON objects.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidToken("Not a signed token: expected three parts")
    try:
        header, claims = json.loads(_decode(parts[0])), json.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidToken("Not a signed token: malformed part") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise InvalidToken("Not a signed token: header and claims must be objects")
    return Jws(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def verify(token: str, algorithm: str, check: SignatureCheck) -> Jws:
    """Parses a token and verifies its signature.

    The verifier chooses the algorithm, never the token.

    Raises:
        InvalidToken: the token is malformed, its header names another algorithm, or ``check`` rejects its signature.
    """
    jws = parse(token)
    if jws.header.get("alg") != algorithm:
        raise InvalidToken(f"Wrong algorithm: expected {algorithm}")
    if not check(jws.signed, jws.signature):
        raise InvalidToken("Bad signature")
    return jws


def hs256(key: str) -> SignatureCheck:
    """Returns a check for HMAC-SHA256, keyed with the UTF-8 bytes of ``key``."""

    def check(signed: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(hmac.new(key.encode(), signed, hashlib.sha256).digest(), signature)

    return check


def rs256(key: rsa.RSAPublicKey) -> SignatureCheck:
    """Returns a check for RSA with PKCS #1 v1.5 padding and SHA-256."""

    def check(signed: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return check


def _decode(part: str) -> bytes:
    # Unused bits in the last character would give one signature two valid encodings, so only the canonical one passes.
    data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != part:
        raise ValueError("not canonical base64url")
    return data
