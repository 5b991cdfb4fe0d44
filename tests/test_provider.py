"""The public interface for vendors."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import widgetmw.provider
from widgetmw.provider import HmacProvider, JwtProvider, User, Variable, hmac_key, parse_int

KEY = "k" * 32
ADA = User("ada", "Ada", "ada@example.com", {"plan": "pro", "exp": 1})


class Jwt(JwtProvider):
    name = "jwt-vendor"
    script = ""
    variables = (
        Variable("A_KEY", "signs", hmac_key, required=True, secret=True),
        Variable("A_TTL", "lifetime", parse_int(0), 60),
    )
    key_variable = "A_KEY"
    lifetime_variable = "A_TTL"

    def payload(self, user: User) -> Mapping[str, Any]:
        return {**self.custom_attributes(user), "sub": user.id}


class Rsa(Jwt):
    name = "rsa-vendor"
    algorithm = "RS256"


class Hmac(HmacProvider):
    name = "hmac-vendor"
    script = ""
    variables = (Variable("A_KEY", "signs", hmac_key, required=True, secret=True),)
    key_variable = "A_KEY"


class Email(Hmac):
    name = "email-vendor"
    digest = "sha512"

    def message(self, user: User) -> str:
        return user.email or ""

    def extra_values(self, user: User) -> Mapping[str, Any]:
        return {"email": user.email}


def test_all_names_are_there() -> None:
    assert all(hasattr(widgetmw.provider, name) for name in widgetmw.provider.__all__)


def test_a_jwt_has_the_payload_and_the_times() -> None:
    provider = Jwt({"A_KEY": KEY.encode(), "A_TTL": 60})
    token = provider.mint(ADA, 1000, 1060).value
    claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert (claims, provider.lifetime) == ({"plan": "pro", "sub": "ada", "iat": 1000, "exp": 1060}, 60)


def test_a_lifetime_of_zero_means_that_tokens_do_not_expire() -> None:
    provider = Jwt({"A_KEY": KEY.encode(), "A_TTL": 0})
    assert provider.lifetime is None
    claims = jwt.decode(provider.mint(ADA, 1000, None).value, KEY, algorithms=["HS256"])
    assert claims == {"plan": "pro", "sub": "ada"}


def test_a_class_may_set_the_lifetime_itself() -> None:
    class Fixed(Jwt):
        lifetime_variable = ""
        lifetime = 300

    assert Fixed({"A_KEY": KEY.encode()}).lifetime == 300


def test_a_jwt_is_verified_with_its_key() -> None:
    provider, other = Jwt({"A_KEY": KEY.encode(), "A_TTL": 0}), Jwt({"A_KEY": b"o" * 32, "A_TTL": 0})
    provider.verify(provider.mint(ADA, 0, None).value, ADA)
    with pytest.raises(jwt.InvalidSignatureError):
        other.verify(provider.mint(ADA, 0, None).value, ADA)


def test_a_jwt_may_be_signed_with_an_rsa_key(rsa_key: rsa.RSAPrivateKey) -> None:
    provider = Rsa({"A_KEY": rsa_key, "A_TTL": 60})
    token = provider.mint(ADA, 1000, 1060).value
    provider.verify(token, ADA)
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert (provider.describe_key(), provider.warnings()) == ("RS256 key of 2048 bits", ())


@pytest.mark.parametrize("kind", [Jwt, Hmac])
def test_a_short_key_is_warned_of(kind: type[JwtProvider] | type[HmacProvider]) -> None:
    assert kind({"A_KEY": b"k" * 32, "A_TTL": 60}).warnings() == ()
    (warning,) = kind({"A_KEY": b"k" * 31, "A_TTL": 60}).warnings()
    assert warning.startswith("A_KEY has 31 bytes; ")


def test_an_hmac_is_that_of_the_message_and_does_not_expire() -> None:
    provider = Hmac({"A_KEY": KEY.encode()})
    assert provider.lifetime is None
    assert provider.mint(ADA, 1000, None).value == hmac.new(KEY.encode(), b"ada", hashlib.sha256).hexdigest()
    assert provider.describe_key() == "HMAC-SHA256 key of 32 bytes"


def test_an_hmac_may_be_of_another_message_and_hash() -> None:
    minted = Email({"A_KEY": KEY.encode()}).mint(ADA, 1000, None)
    assert minted.value == hmac.new(KEY.encode(), b"ada@example.com", hashlib.sha512).hexdigest()
    assert minted.extra == {"email": "ada@example.com"}


def test_an_hmac_is_verified_for_its_user() -> None:
    provider = Hmac({"A_KEY": KEY.encode()})
    token = provider.mint(ADA, 0, None).value
    provider.verify(token, ADA)
    with pytest.raises(ValueError, match="not that of the user"):
        provider.verify(token, User("bob"))
