"""Parses the keys that sign JSON Web Tokens, each once."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import DecodeError, InvalidKeyError, PyJWS, PyJWT
from jwt.algorithms import HMACAlgorithm


class _VendorHMAC(HMACAlgorithm):
    """HMAC with the key as the vendor issued it.

    PyJWT would warn of a short key at each token, but its length is the vendor's choice. ``widgetmw check`` warns.
    """

    def check_key_length(self, key: bytes) -> None:
        return None


_HS256 = _VendorHMAC(HMACAlgorithm.SHA256)
JWS = PyJWS()
JWS.unregister_algorithm("HS256")
JWS.register_algorithm("HS256", _HS256)


def hmac_key(text: str) -> bytes:
    """Parses a shared key.

    Raises:
        ValueError: the text is blank, or is a PEM or SSH key, which is not a shared secret.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    try:
        return _HS256.prepare_key(text)
    except InvalidKeyError:
        raise ValueError("must be the vendor's shared secret, not a PEM or SSH key") from None


def rsa_key(text: str) -> RSAPrivateKey:
    """Parses an RSA private key in PEM; line breaks may be written as ``\\n``, as in env files.

    Raises:
        ValueError: the text is not such a key, or the key is encrypted or has less than 2048 bits.
    """
    pem = text.replace("\\n", "\n") if "\n" not in text.strip() else text
    if "PUBLIC KEY" in pem or "CERTIFICATE" in pem or pem.startswith("ssh-"):
        raise ValueError("must be an RSA private key in PEM, not a public key or a certificate")
    if "PRIVATE KEY" not in pem:
        raise ValueError("must be an RSA private key in PEM")
    try:
        key = load_pem_private_key(pem.strip().encode() + b"\n", password=None)
    except TypeError:
        raise ValueError("must be an RSA private key without a passphrase") from None
    except Exception:
        # cryptography raises several types here, and their messages may quote the input
        raise ValueError("must be an RSA private key in PEM; this one cannot be parsed") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("must be an RSA private key, not a key of another type")
    if not 2048 <= key.key_size <= 16_384:
        raise ValueError(f"must have 2048 bits or more, not {key.key_size}")
    return key


def decode(token: str) -> dict[str, Any]:
    """Returns ``header`` and ``claims`` of a JWT without verifying it; an empty dict for a token of another kind."""
    try:
        jwt = PyJWT().decode_complete(token, options={"verify_signature": False})
    except DecodeError:
        return {}
    return {"header": jwt["header"], "claims": jwt["payload"]}
