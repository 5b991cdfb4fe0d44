"""Public keys out of PEM, a JWKS, or a JSON object of PEM by key id."""

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

_PEM = re.compile("-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_TYPES = {"RS256": "RSA", "ES256": "EC"}
_KINDS = {"RS256": "RSA keys of 2048 bits or more", "ES256": "keys on the curve P-256"}
_LEAST_BITS, _MOST_BITS = 2048, 16_384


class Key(NamedTuple):
    """A key that a proxy signs with.

    Attributes:
        id: its ``kid``, or ``None`` where nothing names it.
        key: its public half.
    """

    id: str | None
    key: PublicKey


def public_keys(text: str, algorithm: str) -> tuple[Key, ...]:
    """Parses keys; those of a JWKS that are for something else are passed over.

    Args:
        text: PEM (also with line breaks written as backslash n), a JWKS, or a JSON object of PEM by key id.
        algorithm: ``RS256`` or ``ES256``.

    Raises:
        ValueError: there is no key for the algorithm, one that does not fit, or a private one.
    """
    if "PRIVATE KEY" in text:
        raise ValueError("must hold public keys only")
    try:
        keys = tuple(_keys(text.strip(), algorithm))
    except _Unfit as unfit:
        raise ValueError(str(unfit)) from None
    except Exception:
        # json, cryptography and PyJWT raise several kinds, and their texts may quote the input
        keys = ()
    if not keys:
        raise ValueError(f"must hold public keys in PEM or as JSON Web Keys: {_KINDS[algorithm]}")
    return keys


class _Unfit(Exception):
    """A key that is none for us; the text is for people."""


def _keys(text: str, algorithm: str) -> Iterator[Key]:
    if not text.startswith("{"):
        for pem in _PEM.findall(text.replace("\\n", "\n")):
            yield Key(None, _fit(load_pem_public_key(pem.encode()), algorithm))
        return
    found: dict[str, Any] = json.loads(text)
    if not isinstance(found.get("keys"), list):
        for id, pem in found.items():
            yield Key(id, _fit(load_pem_public_key(pem.encode()), algorithm))
        return
    for jwk in found["keys"]:
        if "d" in jwk or jwk["kty"] == "oct":
            raise _Unfit("must hold public keys only")
        if _is_for(jwk, algorithm):
            yield Key(jwk.get("kid"), _fit(PyJWK(jwk, algorithm).key, algorithm))


def _is_for(jwk: dict[str, Any], algorithm: str) -> bool:
    signs = jwk.get("use", "sig") == "sig" and jwk.get("alg", algorithm) == algorithm
    return signs and bool(jwk["kty"] == _TYPES[algorithm]) and jwk.get("crv", "P-256") == "P-256"


def _fit(key: Any, algorithm: str) -> PublicKey:
    if algorithm == "RS256" and isinstance(key, RSAPublicKey) and _LEAST_BITS <= key.key_size <= _MOST_BITS:
        return key
    if algorithm == "ES256" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise _Unfit(f"must hold {_KINDS[algorithm]} only")
