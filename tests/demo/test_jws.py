"""The demo's own token verifier, tested with tokens made by PyJWT."""

from __future__ import annotations

import base64
import hmac

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from widgetmw.demo import jws
from widgetmw.demo.keys import Keys

KEY = "a shared secret of more than thirty-two bytes"


def test_reads_the_header_and_claims_of_a_token() -> None:
    token = jwt.encode({"name": "Zoë 🦊"}, KEY, "HS256", headers={"kid": "k1"})
    parsed = jws.verify(token, "HS256", jws.hs256(KEY))
    assert parsed.header == {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    assert parsed.claims == {"name": "Zoë 🦊"}


def test_accepts_the_example_from_giosgs_documentation() -> None:
    token = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjb21pY191cmwiOiJodHRwOi8veGtjZC5jb20vMTM2MC8ifQ"
        ".BsjBt9a9imoj9P5_7aIAe5nuhPd5jb8HGvAJKPCwm6A"
    )
    parsed = jws.verify(token, "HS256", jws.hs256("supersecretkey"))
    assert parsed.claims == {"comic_url": "http://xkcd.com/1360/"}


def test_rejects_another_key() -> None:
    token = jwt.encode({}, KEY, "HS256")
    with pytest.raises(jws.InvalidToken, match="Bad signature"):
        jws.verify(token, "HS256", jws.hs256(KEY + "!"))


def test_rejects_an_unsigned_token() -> None:
    token = jwt.encode({"scope": "user"}, None, "none")  # type: ignore[arg-type]
    with pytest.raises(jws.InvalidToken, match="expected HS256"):
        jws.verify(token, "HS256", jws.hs256(KEY))


def test_rejects_hmac_with_the_rsa_public_key_as_secret(keys: Keys) -> None:
    public = keys.orlo_private_key.public_key()
    assert jws.verify(jwt.encode({}, keys.orlo_private_key, "RS256"), "RS256", jws.rs256(public)).claims == {}
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = "eyJhbGciOiJIUzI1NiJ9.e30"
    signature = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).rstrip(b"=").decode()
    with pytest.raises(jws.InvalidToken, match="expected RS256"):
        jws.verify(f"{signed}.{signature}", "RS256", jws.rs256(public))


def test_rejects_a_non_canonical_encoding_of_the_signature() -> None:
    token = jwt.encode({}, KEY, "HS256")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 32 bytes leave two bits of the last character unused: its neighbours decode to the same bytes.
    twin = token[:-1] + letters[letters.index(token[-1]) + 1]
    with pytest.raises(jws.InvalidToken, match="malformed part"):
        jws.parse(twin)


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d", "e30.e30.%", "W10.e30.AA", "é.e30.AA", "e30.e30.A"])
def test_rejects_malformed_tokens(text: str) -> None:
    with pytest.raises(jws.InvalidToken, match="Not a signed token"):
        jws.parse(text)


@given(st.text())
def test_arbitrary_text_raises_nothing_but_invalid_token(text: str) -> None:
    with pytest.raises(jws.InvalidToken):
        jws.verify(text, "HS256", jws.hs256(KEY))
