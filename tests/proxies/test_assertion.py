"""Proxies that sign: assertions that are accepted, and every known way to forge or misuse one."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm

from tests.core.proxy.proxies import (
    ARN,
    HEADER,
    NOW,
    TAG,
    USER_CLAIMS,
    algorithm_of,
    claims,
    encoded,
    environ,
    jose_header,
    jwk,
    jwks,
    key_of,
    pem,
    resolver_for,
    scope,
    signed,
)
from widgetmw import User
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.resolver import ProxyResolver

KINDS = tuple(HEADER)
ADA = User("ada-1", "Ada Lovelace", "ada@shop.example")
WITH_AUDIENCE = [kind for kind in KINDS if kind != "aws-alb"]


def resolve(resolver: ProxyResolver, kind: str, assertion: str) -> User | None:
    """Resolves the user of an ASGI and of a WSGI request, which must agree."""
    results: list[User | ProxyReason | None] = []
    for make in (scope, environ):
        try:
            results.append(resolver(make((HEADER[kind], assertion))))
        except ProxyIdentityError as error:
            results.append(error.reason)
    assert results[0] == results[1]
    if isinstance(results[0], ProxyReason):
        raise ProxyIdentityError(results[0])
    return results[0]


def refusal(kind: str, assertion: str, **more: Any) -> str:
    """Returns the code of the reason for which an assertion is refused; fails if it is accepted."""
    resolver, events = resolver_for(kind, **more)
    with pytest.raises(ProxyIdentityError) as caught:
        resolve(resolver, kind, assertion)
    code = caught.value.reason.code
    assert events.counts == {f"proxy:{code}": 2}
    assert len(assertion) < 20 or assertion not in str(caught.value)
    return code


@pytest.mark.parametrize("kind", KINDS)
def test_a_valid_assertion_names_the_user(kind: str) -> None:
    resolver, events = resolver_for(kind)
    assert resolve(resolver, kind, signed(kind)) == ADA
    assert events.counts == {}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "aws-alb"])
def test_an_assertion_that_a_library_signed_is_valid(kind: str) -> None:
    key = {"kid": "key-0"}
    assertion = jwt.encode(claims(kind), key_of(kind), algorithm_of(kind), headers=key)
    assert resolve(resolver_for(kind)[0], kind, assertion) == ADA


# signature


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_another_key_is_refused(kind: str) -> None:
    assert refusal(kind, signed(kind, number=1)) == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_payload_is_refused(kind: str) -> None:
    header, _, signature = signed(kind).split(".")
    _, payload, _ = signed(kind, sub="eve-2").split(".")
    assert refusal(kind, f"{header}.{payload}.{signature}") == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_an_unsigned_assertion_is_refused(kind: str, alg: str) -> None:
    parts = [json.dumps(part).encode() for part in (jose_header(kind, alg=alg), claims(kind))]
    text = ".".join(encoded(part, padded=False).decode() for part in parts)
    assert refusal(kind, f"{text}.") == "assertion_malformed"
    assert refusal(kind, f"{text}.AAAA") in ("assertion_algorithm", "assertion_malformed")


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_key_is_not_accepted_as_a_shared_secret(kind: str) -> None:
    """Algorithm confusion: an HMAC with the text of the public key, which everybody knows."""
    known = pem(key_of(kind)).encode()
    for secret in (known, known.strip(), jwks(kind).encode()):
        forged = hmac(kind, secret)
        assert refusal(kind, forged) == "assertion_algorithm"
        assert refusal(kind, forged, KEYS=pem(key_of(kind))) == "assertion_algorithm"


def hmac(kind: str, secret: bytes) -> str:
    signer = HMACAlgorithm(HMACAlgorithm.SHA256)
    parts = [json.dumps(part).encode() for part in (jose_header(kind, alg="HS256"), claims(kind))]
    text = b".".join(encoded(part, padded=False) for part in parts)
    return (text + b"." + encoded(signer.sign(text, secret), padded=False)).decode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256"])
def test_only_the_proxys_own_algorithm_is_accepted(kind: str, alg: str) -> None:
    if alg != algorithm_of(kind):
        assert refusal(kind, signed(kind, {"alg": alg})) == "assertion_algorithm"


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_in_the_assertion_itself_is_ignored(kind: str) -> None:
    own = {"jwk": jwk(key_of(kind, 1), "key-0"), "jku": "https://evil.example/keys", "x5u": "https://evil.example/c"}
    assert refusal(kind, signed(kind, own, number=1)) == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", ["key-1", "", "../key-0", "key-0\x00", None])
def test_an_unknown_key_id_is_refused(kind: str, id: str | None) -> None:
    assert refusal(kind, signed(kind, {"kid": id})) == "assertion_key"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", [1, ["key-0"], {"a": 1}])
def test_a_key_id_that_is_not_text_is_refused(kind: str, id: Any) -> None:
    assert refusal(kind, signed(kind, {"kid": id})) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_id_selects_the_key_and_no_other_is_tried(kind: str) -> None:
    assert refusal(kind, signed(kind, {"kid": "key-1"}), KEYS=jwks(kind, 0, 1)) == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", 7])
def test_an_assertion_that_requires_extensions_is_refused(kind: str, crit: Any) -> None:
    assert refusal(kind, signed(kind, {"crit": crit, "b64": True})) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_that_is_not_encoded_is_refused(kind: str) -> None:
    assert refusal(kind, signed(kind, {"b64": False})) == "assertion_malformed"


# audience and issuer


@pytest.mark.parametrize("kind", WITH_AUDIENCE)
@pytest.mark.parametrize("aud", ["another", ["another"], TAG[:-1], f"{TAG}0", [[TAG]], {"a": 1}, 7])
def test_an_assertion_for_another_application_is_refused(kind: str, aud: Any) -> None:
    assert refusal(kind, signed(kind, aud=aud)) == "assertion_audience"


@pytest.mark.parametrize("kind", WITH_AUDIENCE)
@pytest.mark.parametrize("name", ["aud", "exp", "iss", "sub"])
def test_an_assertion_without_a_required_claim_is_refused(kind: str, name: str) -> None:
    assert refusal(kind, signed(kind, **{name: None})) == "assertion_incomplete"


@pytest.mark.parametrize("kind", WITH_AUDIENCE)
@pytest.mark.parametrize("aud", ["", []])
def test_an_assertion_for_no_application_is_refused(kind: str, aud: Any) -> None:
    assert refusal(kind, signed(kind, aud=aud)) == "assertion_incomplete"


def test_one_of_several_audiences_is_enough() -> None:
    kind = "cloudflare-access"
    assert resolve(resolver_for(kind, AUDIENCE=f"other, {TAG}")[0], kind, signed(kind)) == ADA
    assert resolve(resolver_for(kind)[0], kind, signed(kind, aud=["other", TAG])) == ADA


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "iss", ["https://evil.example", "", "https://", "https://shop.cloudflareaccess.com/", ["https://evil.example"], 7]
)
def test_an_assertion_of_another_issuer_is_refused(kind: str, iss: Any) -> None:
    assert refusal(kind, signed(kind, iss=iss)) == "assertion_issuer"


def test_pomeriums_issuer_is_the_routes_host_unless_it_is_set() -> None:
    url = "https://shop.example/"
    assert refusal("pomerium", signed("pomerium", iss=url)) == "assertion_issuer"
    resolver, _ = resolver_for("pomerium", ISSUER=url)
    assert resolve(resolver, "pomerium", signed("pomerium", iss=url)) == ADA
    assert refusal("pomerium", signed("pomerium"), ISSUER=url) == "assertion_issuer"


# the load balancer's form


@pytest.mark.parametrize("signer", [ARN.replace("shop", "evil"), "", None, [ARN], ARN.upper()])
def test_another_load_balancer_of_the_region_is_refused(signer: Any) -> None:
    """It signs with the same keys, whoever owns it."""
    assert refusal("aws-alb", signed("aws-alb", {"signer": signer})) == "assertion_signer"


def test_issuer_and_expiry_may_be_in_the_header_only() -> None:
    resolver, _ = resolver_for("aws-alb")
    assert resolve(resolver, "aws-alb", signed("aws-alb", exp=None, iss=None)) == ADA
    assert resolve(resolver, "aws-alb", signed("aws-alb", {"exp": None, "iss": None})) == ADA


def test_issuer_and_expiry_are_required_and_must_be_valid_in_both_parts() -> None:
    other = "https://evil.example"
    assert refusal("aws-alb", signed("aws-alb", {"iss": other})) == "assertion_issuer"
    assert refusal("aws-alb", signed("aws-alb", {"iss": None}, iss=None)) == "assertion_issuer"
    assert refusal("aws-alb", signed("aws-alb", {"exp": NOW - 31})) == "assertion_expired"
    assert refusal("aws-alb", signed("aws-alb", {"exp": None}, exp=None)) == "assertion_incomplete"
    assert refusal("aws-alb", signed("aws-alb", sub=None)) == "assertion_incomplete"


def test_padding_is_accepted_from_the_load_balancer_only() -> None:
    assert "=." in signed("aws-alb", name="A" * 3) + signed("aws-alb", name="A" * 4) + signed("aws-alb", name="AA")
    assert refusal("google-iap", signed("google-iap").replace(".", "=.", 1)) == "assertion_malformed"


# times


@pytest.mark.parametrize("kind", KINDS)
def test_clocks_may_differ_by_half_a_minute(kind: str) -> None:
    late = {"exp": NOW - 29}
    assert resolve(resolver_for(kind)[0], kind, signed(kind, late if kind == "aws-alb" else None, **late)) == ADA
    assert resolve(resolver_for(kind)[0], kind, signed(kind, iat=NOW + 29, nbf=NOW + 29)) == ADA
    assert refusal(kind, signed(kind, exp=NOW - 30)) == "assertion_expired"
    assert refusal(kind, signed(kind, iat=NOW + 31)) == "assertion_early"
    assert refusal(kind, signed(kind, nbf=NOW + 31)) == "assertion_early"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["soon", True, [NOW + 60], {}, "1e400", float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_malformed_time_is_refused(kind: str, value: Any, name: str) -> None:
    assert refusal(kind, signed(kind, **{name: value})) == "assertion_malformed"


# the user


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sub", ["", " "])
def test_an_assertion_for_no_person_means_anonymous(kind: str, sub: str) -> None:
    """Cloudflare's service tokens, and Pomerium's public routes."""
    resolver, events = resolver_for(kind)
    assert resolve(resolver, kind, signed(kind, sub=sub)) is None
    assert events.counts == {"proxy:blank": 2}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sub", [7, ["ada-1"], {"a": 1}, True, "a\nb", "a\ud800", "a\x00"])
def test_a_malformed_subject_is_refused(kind: str, sub: Any) -> None:
    assert refusal(kind, signed(kind, sub=sub)) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_malformed_name_or_email_is_dropped(kind: str) -> None:
    for more in ({"email": ["ada@shop.example"]}, {"email": "a\r\nb"}):
        resolver, events = resolver_for(kind)
        assert resolve(resolver, kind, signed(kind, **more)) == User("ada-1", "Ada Lovelace")
        assert events.counts == {"proxy:value_left_out": 2}
    for more in ({"name": None, "email": None}, {"name": "", "email": ""}):
        resolver, events = resolver_for(kind)
        assert resolve(resolver, kind, signed(kind, **more)) == User("ada-1")
        assert events.counts == {}


@pytest.mark.parametrize("verified", [False, "false"])
def test_an_unverified_email_is_dropped(verified: Any) -> None:
    assert resolve(resolver_for("aws-alb")[0], "aws-alb", signed("aws-alb", email_verified=verified)) == User(
        "ada-1", "Ada Lovelace"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"email_verified": True}, User("ada-1", "Ada Lovelace", "ada@shop.example", email_verified=True)),
        ({"email_verified": "true"}, User("ada-1", "Ada Lovelace", "ada@shop.example", email_verified=True)),
        ({"email_verified": 1}, ADA),
        ({"email_verified": None}, ADA),
        ({"email_verified": "maybe"}, ADA),
        ({"email_verified": True, "email": ""}, User("ada-1", "Ada Lovelace")),
        ({"email_verified": True, "email": "a\nb"}, User("ada-1", "Ada Lovelace")),
    ],
)
def test_a_verified_email_is_marked_as_such(kind: str, more: dict[str, Any], expected: User) -> None:
    assert resolve(resolver_for(kind)[0], kind, signed(kind, **more)) == expected


def test_text_in_any_language_is_accepted() -> None:
    resolver, _ = resolver_for("pomerium")
    assert resolve(resolver, "pomerium", signed("pomerium", sub="user,1", name="Zoë, Łukasz")) == User(
        "user,1", "Zoë, Łukasz", USER_CLAIMS["email"]
    )


# malformed assertions


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        "e30.e30.e30",
        "{}",
        "a b.c.d",
        "A" * 20_000 + ".A.A",
        "é.é.é",
        "a.b.c,a.b.c",
    ],
)
def test_malformed_text_is_refused(kind: str, text: str) -> None:
    assert refusal(kind, text) in ("assertion_malformed", "assertion_algorithm")


@pytest.mark.parametrize("kind", KINDS)
def test_an_assertion_that_is_too_long_is_refused(kind: str) -> None:
    assert refusal(kind, signed(kind, more="x" * 16_000)) == "assertion_malformed"
