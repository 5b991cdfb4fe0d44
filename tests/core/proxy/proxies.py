"""Proxies for the tests: settings of each kind, requests with their headers, and signed assertions."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from tests.conftest import Clock
from widgetmw import Settings
from widgetmw.core.events import Events
from widgetmw.core.proxy.resolver import ProxyResolver

NOW = 1_700_000_000
PROXY = "10.0.0.5"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
COGNITO = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Shop"
TEAM = "https://shop.cloudflareaccess.com"
IAP = "https://cloud.google.com/iap"
TAG = "32eafc7626e974616deaf0dc3ce63d7b"
BACKEND = "/projects/123/global/backendServices/456"
HOST = "shop.example"
USER_CLAIMS = {"sub": "ada-1", "name": "Ada Lovelace", "email": "ada@shop.example"}
PLAIN = {
    "oauth2-proxy": ("X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Email"),
    "oauth2-proxy-nginx": ("X-Auth-Request-User", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Email"),
    "authelia": ("Remote-User", "Remote-Name", "Remote-Email"),
    "pomerium-claims": ("X-Pomerium-Claim-Sub", "X-Pomerium-Claim-Name", "X-Pomerium-Claim-Email"),
}
HEADER = {
    "pomerium": "X-Pomerium-Jwt-Assertion",
    "cloudflare-access": "Cf-Access-Jwt-Assertion",
    "aws-alb": "X-Amzn-Oidc-Data",
    "google-iap": "X-Goog-Iap-Jwt-Assertion",
}


@cache
def key_for(algorithm: str, number: int) -> Any:
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_of(kind: str, number: int = 0) -> Any:
    """Returns the private key of a kind of proxy, or another one of the same type."""
    return key_for(algorithm_of(kind), number)


def algorithm_of(kind: str) -> str:
    return "RS256" if kind == "cloudflare-access" else "ES256"


def pem(key: Any) -> str:
    """Returns the public half of a key."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: Any, id: str | None, **more: Any) -> dict[str, Any]:
    """The public half of a key as RFC 7518, section 6, writes it."""
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        own = {"kty": "RSA", "n": base64url_uint(numbers.n, 256), "e": base64url_uint(numbers.e, 3)}
    else:
        own = {"kty": "EC", "crv": "P-256", "x": base64url_uint(numbers.x, 32), "y": base64url_uint(numbers.y, 32)}
    return {**own, **({"kid": id} if id else {}), **more}


def base64url_uint(number: int, length: int) -> str:
    return encoded(number.to_bytes(length, "big"), padded=False).decode()


def jwks(kind: str, *numbers: int) -> str:
    """Returns a JWKS whose key ids are ``key-<number>``."""
    return json.dumps({"keys": [jwk(key_of(kind, number), f"key-{number}") for number in numbers or (0,)]})


def variables(kind: str, **more: str) -> dict[str, str]:
    """Returns the environment variables for a kind of proxy."""
    own = {
        "pomerium": {"AUDIENCE": HOST},
        "cloudflare-access": {"AUDIENCE": TAG, "ISSUER": TEAM},
        "aws-alb": {"SIGNER": ARN, "ISSUER": COGNITO},
        "google-iap": {"AUDIENCE": BACKEND},
    }.get(kind)
    signed = {} if own is None else {**own, "KEYS": jwks(kind)}
    named = {f"WIDGETMW_PROXY_{name}": value for name, value in {"ADDRESSES": PROXY, **signed, **more}.items()}
    return {"WIDGETMW_PROXY": kind, **named}


def claims(kind: str, /, **more: Any) -> dict[str, Any]:
    """Returns a proxy's claims about Ada at ``NOW``; ``None`` removes a claim."""
    own: dict[str, dict[str, Any]] = {
        "pomerium": {"aud": HOST, "iss": HOST},
        "cloudflare-access": {"aud": [TAG], "iss": TEAM, "nbf": NOW - 1, "type": "app"},
        "aws-alb": {"iss": COGNITO},
        "google-iap": {"aud": BACKEND, "iss": IAP},
    }
    whole = {"iat": NOW - 1, "exp": NOW + 120, **USER_CLAIMS, **own[kind], **more}
    return {name: value for name, value in whole.items() if value is not None}


def jose_header(kind: str, /, **more: Any) -> dict[str, Any]:
    own = {"signer": ARN, "iss": COGNITO, "client": "client-1", "exp": NOW + 120} if kind == "aws-alb" else {}
    whole = {"alg": algorithm_of(kind), "typ": "JWT", "kid": "key-0", **own, **more}
    return {name: value for name, value in whole.items() if value is not None}


def encoded(data: bytes, padded: bool) -> bytes:
    text = urlsafe_b64encode(data)
    return text if padded else text.rstrip(b"=")


def signed(kind: str, header: dict[str, Any] | None = None, number: int = 0, **more: Any) -> str:
    """Returns an assertion, built by hand so that it can also be one that no library would build."""
    padded = kind == "aws-alb"
    parts = (jose_header(kind, **(header or {})), claims(kind, **more))
    text = b".".join(encoded(json.dumps(part).encode(), padded) for part in parts)
    return (text + b"." + encoded(signature(key_of(kind, number), text), padded)).decode()


def signature(key: Any, text: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAAlgorithm(RSAAlgorithm.SHA256).sign(text, key)
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def resolver_for(kind: str, clock: Clock | None = None, **more: str) -> tuple[ProxyResolver, Events]:
    """Returns the resolver for a kind of proxy, and its events."""
    settings = Settings.from_env(variables(kind, **more))
    assert settings.proxy is not None
    events = Events()
    return ProxyResolver(settings.proxy, clock or Clock(NOW), events), events


def scope(*headers: tuple[str, str], client: Any = (PROXY, 50000), **more: Any) -> dict[str, Any]:
    """Returns an ASGI request; values are sent as UTF-8."""
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": "http", "method": "GET", "path": "/", "headers": pairs, "client": client, **more}


def environ(*headers: tuple[str, str], client: Any = PROXY, **more: Any) -> dict[str, Any]:
    """Returns the same request for WSGI, with the values of one name joined as servers do."""
    result: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", **more}
    if client is not None:
        result |= {"REMOTE_ADDR": client, "REMOTE_PORT": "50000"}
    for name, value in headers:
        key, text = f"HTTP_{name.upper().replace('-', '_')}", value.encode().decode("latin-1")
        result[key] = f"{result[key]},{text}" if key in result else text
    return result


REQUESTS = (scope, environ)
