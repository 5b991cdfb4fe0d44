"""JSON Web Tokens, signed with keys that are parsed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import InvalidKeyError, PyJWS
from jwt.algorithms import HMACAlgorithm

MAX_BITS = 16_384
_SHA256_BYTES = 32


class _VendorHMAC(HMACAlgorithm):
    """HMAC with the key as the vendor issued it: its length is the vendor's choice, so no warning at each token."""

    def check_key_length(self, key: bytes) -> None:
        return None


def _signer() -> PyJWS:
    jws = PyJWS()
    jws.unregister_algorithm("HS256")
    jws.register_algorithm("HS256", _VendorHMAC(HMACAlgorithm.SHA256))
    return jws


_JWS = _signer()


def hmac_key(text: str) -> bytes:
    """Checks the key of an HS256 signature.

    Raises:
        ValueError: it is a PEM or SSH key, which is no shared secret.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    try:
        return _JWS.get_algorithm_by_name("HS256").prepare_key(text)  # type: ignore[no-any-return]
    except InvalidKeyError:
        raise ValueError("must be the vendor's shared secret, not a PEM or SSH key") from None


def rsa_key(text: str) -> RSAPrivateKey:
    """Parses an RSA private key in PEM; line breaks may be written as backslash n, as in one-line env files.

    Raises:
        ValueError: it is no such key, is encrypted, or has less than 2048 bits.
    """
    pem = text.replace("\\n", "\n") if "\n" not in text.strip() else text
    if "PRIVATE KEY" not in pem:
        raise ValueError("must be an RSA private key in PEM")
    try:
        key = load_pem_private_key(pem.strip().encode() + b"\n", password=None)
    except TypeError:
        raise ValueError("must be an RSA private key without a passphrase") from None
    except Exception:
        # cryptography raises several kinds here, and their texts may quote the input
        raise ValueError("must be an RSA private key in PEM; this one cannot be parsed") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("must be an RSA private key, not one of another kind")
    if not 2048 <= key.key_size <= MAX_BITS:
        raise ValueError(f"must have 2048 bits or more, not {key.key_size}")
    return key


def sign(
    algorithm: str,
    key: bytes | RSAPrivateKey,
    payload: Mapping[str, Any],
    headers: Mapping[str, Any] | None = None,
) -> str:
    """Returns the compact JWT of a payload, signed with a key from :func:`hmac_key` or :func:`rsa_key`."""
    body = json.dumps(payload, separators=(",", ":"), allow_nan=False).encode()
    return _JWS.encode(body, key, algorithm=algorithm, headers=None if headers is None else dict(headers))


def lifespan(issued_at: int, expires_at: int | None) -> dict[str, int]:
    """Returns the claims ``iat`` and ``exp``, or none where the token does not expire."""
    return {} if expires_at is None else {"iat": issued_at, "exp": expires_at}


def verify(algorithm: str, key: bytes | RSAPrivateKey, token: str) -> None:
    """Checks a signature with the key's public half, or the shared key itself; raises ``jwt.PyJWTError``."""
    _JWS.decode(token, key if isinstance(key, bytes) else key.public_key(), algorithms=[algorithm])


def describe_key(algorithm: str, key: bytes | RSAPrivateKey) -> str:
    """Says kind and size of a key."""
    size = f"{len(key)} bytes" if isinstance(key, bytes) else f"{key.key_size} bits"
    return f"{algorithm} key of {size}"


def key_warnings(variable: str, key: bytes) -> tuple[str, ...]:
    """Says where a shared key is shorter than its hash, which RFC 7518 asks for."""
    if len(key) >= _SHA256_BYTES:
        return ()
    return (f"{variable} has {len(key)} bytes; HS256 wants {_SHA256_BYTES} or more (RFC 7518, 3.2)",)
