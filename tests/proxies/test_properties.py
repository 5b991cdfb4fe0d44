"""Whatever a client sends: the right user, no user, or a reason; never another user, and never another error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.core.proxy.proxies import (
    HEADER,
    NOW,
    PLAIN,
    PROXY,
    claims,
    encoded,
    environ,
    jose_header,
    resolver_for,
    scope,
    signed,
)
from widgetmw import User
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.resolver import ProxyResolver

USER, NAME, EMAIL = (name.lower() for name in PLAIN["authelia"])
raw = st.binary(max_size=12).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))
texts = st.one_of(raw, st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")))
lines = st.lists(st.tuples(st.sampled_from([USER, NAME, EMAIL]), texts), max_size=5)
AUTHELIA, _ = resolver_for("authelia")
SIGNED = {kind: resolver_for(kind)[0] for kind in HEADER}
VALID = {kind: signed(kind) for kind in HEADER}
ADA = User("ada-1", "Ada Lovelace", "ada@shop.example")


def outcome(resolve: ProxyResolver, request: Any) -> User | ProxyReason | None:
    try:
        return resolve(request)
    except ProxyIdentityError as error:
        return error.reason


def wsgi_request(pairs: list[tuple[str, bytes]]) -> dict[str, Any]:
    request = environ()
    for name, value in pairs:
        key, text = f"HTTP_{name.upper().replace('-', '_')}", value.decode("latin-1")
        request[key] = f"{request[key]},{text}" if key in request else text
    return request


@given(lines)
def test_plain_headers_name_the_user_in_them(pairs: list[tuple[str, bytes]]) -> None:
    request = {**scope(), "headers": [(name.encode(), value) for name, value in pairs]}
    result = outcome(AUTHELIA, request)
    ids = [value for name, value in pairs if name == USER]
    if isinstance(result, User):
        (only,) = ids
        assert result.id == only.decode().strip(" \t")
        assert "," not in result.id
        for name, value in ((NAME, result.name), (EMAIL, result.email)):
            assert value is None or [v.decode().strip(" \t") for n, v in pairs if n == name] == [value]
    elif result is None:
        assert not any(value.strip(b" \t") for value in ids)
    else:
        assert result in (ProxyReason.HEADER_REPEATED, ProxyReason.HEADER_MALFORMED)


@given(lines)
def test_wsgi_and_asgi_name_the_same_user(pairs: list[tuple[str, bytes]]) -> None:
    in_asgi = outcome(AUTHELIA, {**scope(), "headers": [(name.encode(), value) for name, value in pairs]})
    result = outcome(AUTHELIA, wsgi_request(pairs))
    assert result == in_asgi if isinstance(result, User) else not isinstance(in_asgi, User)


@given(lines, st.one_of(st.text(max_size=20), st.ip_addresses().map(str)))
def test_headers_from_an_untrusted_peer_name_no_user(pairs: list[tuple[str, bytes]], peer: str) -> None:
    assume(peer not in (PROXY, f"::ffff:{PROXY}", "::ffff:a00:5"))
    request = {**scope(client=(peer, 50000)), "headers": [(name.encode(), value) for name, value in pairs]}
    assert outcome(AUTHELIA, request) is None


@pytest.mark.parametrize("kind", HEADER)
@given(data=st.data())
def test_a_modified_assertion_names_no_other_user(kind: str, data: Any) -> None:
    text = VALID[kind]
    start = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.text("AZaz09-_=.+/ ,é", max_size=3))
    cut = data.draw(st.integers(0, 3))
    result = outcome(SIGNED[kind], scope((HEADER[kind], text[:start] + piece + text[start + cut :])))
    assert result == ADA or isinstance(result, ProxyReason) or (result is None and not piece.strip())


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(NOW + 60)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=4,
)
names = st.sampled_from(["exp", "iat", "nbf", "sub", "aud", "iss", "name", "email", "email_verified", "jti"])


@pytest.mark.parametrize("kind", HEADER)
@given(more=st.dictionaries(names, values, max_size=3))
def test_unusual_signed_claims_name_the_user_in_them_or_no_user(kind: str, more: dict[str, Any]) -> None:
    result = outcome(SIGNED[kind], scope((HEADER[kind], signed(kind, **more))))
    if isinstance(result, User):
        assert result.id == more.get("sub", "ada-1")
        assert result.name in (more.get("name"), None, "Ada Lovelace")
    elif result is None:
        assert not more["sub"].strip()


keys = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "cty", "signer", "iss", "exp"])


@pytest.mark.parametrize("kind", HEADER)
@given(more=st.dictionaries(keys, values, max_size=3))
def test_unusual_signed_headers_are_refused_or_change_nothing(kind: str, more: dict[str, Any]) -> None:
    result = outcome(SIGNED[kind], scope((HEADER[kind], signed(kind, more))))
    assert result == ADA or isinstance(result, ProxyReason)


@pytest.mark.parametrize("kind", HEADER)
@given(header=values, payload=values, signature=st.binary(max_size=70))
def test_an_assertion_that_is_not_signed_names_no_user(kind: str, header: Any, payload: Any, signature: bytes) -> None:
    if isinstance(header, dict):
        header = jose_header(kind, **header)
    if isinstance(payload, dict):
        payload = claims(kind, **payload)
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    text = b".".join(encoded(part, kind == "aws-alb") for part in parts).decode()
    assert isinstance(outcome(SIGNED[kind], scope((HEADER[kind], text))), ProxyReason)
