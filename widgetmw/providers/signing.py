"""Parses the keys that sign JSON Web Tokens, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
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


_HMAC: Final = {
    "HS256": _VendorHMAC(HMACAlgorithm.SHA256),
    "HS384": _VendorHMAC(HMACAlgorithm.SHA384),
    "HS512": _VendorHMAC(HMACAlgorithm.SHA512),
}
JWS = PyJWS()
for _name, _algorithm in _HMAC.items():
    JWS.unregister_algorithm(_name)
    JWS.register_algorithm(_name, _algorithm)


def hmac_key(text: str) -> bytes:
    """Parses a shared key.

    Raises:
        ValueError: the text is blank, or is a PEM or SSH key, which is not a shared secret.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    try:
        return _HMAC["HS256"].prepare_key(text)
    except InvalidKeyError:
        raise ValueError("must be the vendor's shared secret, not a PEM or SSH key") from None


def rsa_key(text: str) -> RSAPrivateKey:
    """Parses an RSA private key in PEM; line breaks may be written as ``\\n``, as in env files.

    Raises:
        ValueError: the text is not such a key, or the key is encrypted or has less than 2048 bits.
    """
    key = _private_key(text, "an RSA")
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("must be an RSA private key, not a key of another type")
    if not 2048 <= key.key_size <= 16_384:
        raise ValueError(f"must have 2048 bits or more, not {key.key_size}")
    return key


def ec_key(text: str) -> EllipticCurvePrivateKey:
    """Parses an EC private key of the curve P-256 in PEM, which ES256 needs; like :func:`rsa_key`.

    Raises:
        ValueError: the text is not such a key, or the key is encrypted or of another curve.
    """
    key = _private_key(text, "an EC")
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("must be an EC private key, not a key of another type")
    if key.curve.name != "secp256r1":
        raise ValueError("must be an EC private key of the curve P-256")
    return key


#: What parses the key of each algorithm.
KEY_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("HS256", "HS384", "HS512"), hmac_key),
    **dict.fromkeys(("RS256", "RS384", "RS512"), rsa_key),
    "ES256": ec_key,
}
_KEY_TYPES: Final[Mapping[str, type]] = {"hmac_key": bytes, "rsa_key": RSAPrivateKey, "ec_key": EllipticCurvePrivateKey}


def key_problem(algorithm: str, key: object) -> str:
    """Returns why a key cannot sign with an algorithm; empty if it can."""
    if algorithm not in KEY_PARSERS:
        return f"the algorithm must be one of {', '.join(KEY_PARSERS)}"
    parser = KEY_PARSERS[algorithm].__name__
    if isinstance(key, _KEY_TYPES[parser]):
        return ""
    return f"{algorithm} needs a key that {parser} parses, not one of the type {type(key).__name__}"


def example_key(algorithm: str) -> str:
    """Returns a new private key in PEM, for tests."""
    # imported late: only tests need them
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    is_ec = algorithm.startswith("ES")
    key = ec.generate_private_key(ec.SECP256R1()) if is_ec else rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private_key(text: str, kind: str) -> object:
    pem = text.replace("\\n", "\n") if "\n" not in text.strip() else text
    if "PUBLIC KEY" in pem or "CERTIFICATE" in pem or pem.startswith("ssh-"):
        raise ValueError(f"must be {kind} private key in PEM, not a public key or a certificate")
    if "PRIVATE KEY" not in pem:
        raise ValueError(f"must be {kind} private key in PEM")
    try:
        return load_pem_private_key(pem.strip().encode() + b"\n", password=None)
    except TypeError:
        raise ValueError(f"must be {kind} private key without a passphrase") from None
    except Exception:
        # cryptography raises several types here, and their messages may quote the input
        raise ValueError(f"must be {kind} private key in PEM; this one cannot be parsed") from None


def decode(token: str) -> dict[str, Any]:
    """Returns ``header`` and ``claims`` of a JWT without verifying it; an empty dict for a token of another kind."""
    try:
        jwt = PyJWT().decode_complete(token, options={"verify_signature": False})
    except DecodeError:
        return {}
    return {"header": jwt["header"], "claims": jwt["payload"]}
