"""Parses public keys from PEM, a JWKS, or a JSON object of PEM by key id."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey

_PEM_START = "-----BEGIN PUBLIC KEY-----"
_PEM = re.compile(f"{_PEM_START}.*?-----END PUBLIC KEY-----", re.DOTALL)
_KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}
_DESCRIPTIONS = {"RS256": "RSA keys of 2048 bits or more", "ES256": "keys on the curve P-256"}


class Key(NamedTuple):
    """The public half of a key that a proxy signs with, and its ``kid``, if it has one."""

    id: str | None
    key: PublicKey


class _WrongKey(Exception):
    """A key that the proxy cannot sign with; the message is for people."""


def parse_public_keys(text: str, algorithm: str) -> tuple[Key, ...]:
    """Parses PEM (line breaks may be written as backslash and n), a JWKS, or a JSON object of PEM by key id.

    Ignores the keys of a JWKS that are for another use or algorithm. The algorithm is ``RS256`` or ``ES256``.

    Raises:
        ValueError: there is no key for the algorithm, a key of another kind, or a private key.
    """
    if "PRIVATE KEY" in text:
        raise ValueError("must hold public keys only")
    try:
        keys = tuple(_parse_keys(text.strip(), algorithm))
    except _WrongKey as error:
        raise ValueError(str(error)) from None
    except Exception:
        # json, cryptography and PyJWT raise several types, and their messages may quote the input.
        keys = ()
    if not keys:
        raise ValueError(f"must hold public keys in PEM or as JSON Web Keys: {_DESCRIPTIONS[algorithm]}")
    return keys


def _parse_keys(text: str, algorithm: str) -> Iterator[Key]:
    if not text.startswith("{"):
        blocks = _PEM.findall(text.replace("\\n", "\n"))
        if len(blocks) != text.count(_PEM_START):
            raise _WrongKey("must hold whole PEM blocks only")  # the file may be half-written
        for block in blocks:
            yield Key(None, _checked(load_pem_public_key(block.encode()), algorithm))
        return
    parsed: dict[str, Any] = json.loads(text)
    if not isinstance(parsed.get("keys"), list):
        for id, pem in parsed.items():
            yield Key(id, _checked(load_pem_public_key(pem.encode()), algorithm))
        return
    for jwk in parsed["keys"]:
        if "d" in jwk or jwk["kty"] == "oct":
            raise _WrongKey("must hold public keys only")
        use = (jwk["kty"], jwk.get("use", "sig"), jwk.get("alg", algorithm), jwk.get("crv", "P-256"))
        if use == (_KEY_TYPES[algorithm], "sig", algorithm, "P-256"):
            yield Key(jwk.get("kid"), _checked(PyJWK(jwk, algorithm).key, algorithm))


def _checked(key: Any, algorithm: str) -> PublicKey:
    if algorithm == "RS256" and isinstance(key, RSAPublicKey) and 2048 <= key.key_size <= 16_384:
        return key
    if algorithm == "ES256" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise _WrongKey(f"must hold {_DESCRIPTIONS[algorithm]} only")
