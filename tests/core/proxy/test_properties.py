"""Whatever a client sends: the right person, nobody, or a reason; never another person, and never another error."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.core.proxy.proxies import (
    HEADER,
    NOW,
    PLAIN,
    PROXY,
    claims,
    encoded,
    environ,
    front,
    jose_header,
    scope,
    signed,
)
from widgetmw import User
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.resolver import ProxyResolver
from widgetmw.core.proxy.trusted_addresses import parse_addresses

USER, NAME, EMAIL = (name.lower() for name in PLAIN["authelia"])
raw = st.binary(max_size=12).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))
texts = st.one_of(raw, st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")))
lines = st.lists(st.tuples(st.sampled_from([USER, NAME, EMAIL]), texts), max_size=5)
AUTHELIA, _ = front("authelia")
SIGNED = {kind: front(kind)[0] for kind in HEADER}
VALID = {kind: signed(kind) for kind in HEADER}
ADA = User("ada-1", "Ada Lovelace", "ada@shop.example")


def said(found: ProxyResolver, request: Any) -> User | str | None:
    try:
        return found(request)
    except ProxyIdentityError as error:
        return error.reason.code


def by_wsgi(pairs: list[tuple[str, bytes]]) -> dict[str, Any]:
    made = environ()
    for name, value in pairs:
        key, text = f"HTTP_{name.upper().replace('-', '_')}", value.decode("latin-1")
        made[key] = f"{made[key]},{text}" if key in made else text
    return made


@given(lines)
def test_plain_headers_name_whom_they_name(pairs: list[tuple[str, bytes]]) -> None:
    request = {**scope(), "headers": [(name.encode(), value) for name, value in pairs]}
    found = said(AUTHELIA, request)
    ids = [value for name, value in pairs if name == USER]
    if isinstance(found, User):
        (only,) = ids
        assert found.id == only.decode().strip(" \t")
        assert "," not in found.id
        for name, value in ((NAME, found.name), (EMAIL, found.email)):
            assert value is None or [v.decode().strip(" \t") for n, v in pairs if n == name] == [value]
    elif found is None:
        assert not any(value.strip(b" \t") for value in ids)
    else:
        assert found in ("header_repeated", "header_malformed")


@given(lines)
def test_wsgi_and_asgi_name_the_same_people(pairs: list[tuple[str, bytes]]) -> None:
    by_asgi = said(AUTHELIA, {**scope(), "headers": [(name.encode(), value) for name, value in pairs]})
    found = said(AUTHELIA, by_wsgi(pairs))
    assert found == by_asgi if isinstance(found, User) else not isinstance(by_asgi, User)


@given(lines, st.one_of(st.text(max_size=20), st.ip_addresses().map(str)))
def test_headers_from_elsewhere_name_nobody(pairs: list[tuple[str, bytes]], peer: str) -> None:
    assume(peer not in (PROXY, f"::ffff:{PROXY}", "::ffff:a00:5"))
    request = {**scope(client=(peer, 50000)), "headers": [(name.encode(), value) for name, value in pairs]}
    assert said(AUTHELIA, request) is None


@pytest.mark.parametrize("kind", HEADER)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_assertion_names_nobody_else(kind: str, data: Any) -> None:
    text = VALID[kind]
    place = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.text("AZaz09-_=.+/ ,é", max_size=3))
    cut = data.draw(st.integers(0, 3))
    found = said(SIGNED[kind], scope((HEADER[kind], text[:place] + piece + text[place + cut :])))
    assert found == ADA or isinstance(found, str) or (found is None and not piece.strip())


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(NOW + 60)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=4,
)
names = st.sampled_from(["exp", "iat", "nbf", "sub", "aud", "iss", "name", "email", "email_verified", "jti"])


@pytest.mark.parametrize("kind", HEADER)
@settings(max_examples=60, deadline=None)
@given(more=st.dictionaries(names, values, max_size=3))
def test_odd_claims_that_the_proxy_has_signed_name_who_is_in_them_or_nobody(kind: str, more: dict[str, Any]) -> None:
    found = said(SIGNED[kind], scope((HEADER[kind], signed(kind, **more))))
    if isinstance(found, User):
        assert found.id == more.get("sub", "ada-1")
        assert found.name in (more.get("name"), None, "Ada Lovelace")
    elif found is None:
        assert not more["sub"].strip()


keys = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "cty", "signer", "iss", "exp"])


@pytest.mark.parametrize("kind", HEADER)
@settings(max_examples=60, deadline=None)
@given(more=st.dictionaries(keys, values, max_size=3))
def test_odd_headers_that_the_proxy_has_signed_are_a_reason_or_change_nothing(kind: str, more: dict[str, Any]) -> None:
    found = said(SIGNED[kind], scope((HEADER[kind], signed(kind, more))))
    assert found == ADA or isinstance(found, str)


@pytest.mark.parametrize("kind", HEADER)
@settings(max_examples=60, deadline=None)
@given(header=values, payload=values, signature=st.binary(max_size=70))
def test_what_nobody_has_signed_names_nobody(kind: str, header: Any, payload: Any, signature: bytes) -> None:
    if isinstance(header, dict):
        header = jose_header(kind, **header)
    if isinstance(payload, dict):
        payload = claims(kind, **payload)
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    text = b".".join(encoded(part, kind == "aws-alb") for part in parts).decode()
    assert isinstance(said(SIGNED[kind], scope((HEADER[kind], text))), str)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(1, 32))
def test_an_ipv4_address_is_listed_in_either_form_where_its_network_is(
    peer: IPv4Address, other: IPv4Address, length: int
) -> None:
    network = IPv4Network((other, length), strict=False)
    known = parse_addresses(str(network))
    assert (str(peer) in known) == (f"::ffff:{peer}" in known) == (peer in network)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), st.integers(97, 128))
def test_an_ipv6_address_is_listed_where_its_network_is(peer: IPv6Address, other: IPv6Address, length: int) -> None:
    network = IPv6Network((other, length), strict=False)
    known = parse_addresses(str(network))
    assert str(network.network_address) in known
    assert (str(peer) in known) == (peer in network)
