"""Signed assertions: those that hold, and every known way to forge or misuse one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm

from tests.conftest import Clock
from tests.core.proxy.proxies import (
    ARN,
    HEADER,
    NOW,
    PERSON,
    TAG,
    algorithm_of,
    claims,
    encoded,
    environ,
    front,
    jose_header,
    jwk,
    jwks,
    key_for,
    key_of,
    pem,
    scope,
    signed,
)
from widgetmw import User
from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.resolver import ProxyResolver

KINDS = tuple(HEADER)
ADA = User("ada-1", "Ada Lovelace", "ada@shop.example")
WITH_AUDIENCE = [kind for kind in KINDS if kind != "aws-alb"]


def ask(found: ProxyResolver, kind: str, assertion: str) -> User | None:
    """By ASGI and by WSGI, which must agree."""
    said: list[User | ProxyReason | None] = []
    for make in (scope, environ):
        try:
            said.append(found(make((HEADER[kind], assertion))))
        except ProxyIdentityError as error:
            said.append(error.reason)
    assert said[0] == said[1]
    if isinstance(said[0], ProxyReason):
        raise ProxyIdentityError(said[0])
    return said[0]


def refusal(kind: str, assertion: str, **more: Any) -> str:
    """The reason why an assertion is refused; it must be refused."""
    found, events = front(kind, **more)
    with pytest.raises(ProxyIdentityError) as caught:
        ask(found, kind, assertion)
    assert events.counts == {f"proxy:{caught.value.reason.code}": 2}
    assert len(assertion) < 20 or assertion not in str(caught.value)
    return caught.value.reason.code


@pytest.mark.parametrize("kind", KINDS)
def test_an_assertion_names_the_user(kind: str) -> None:
    found, events = front(kind)
    assert ask(found, kind, signed(kind)) == ADA
    assert events.counts == {}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "aws-alb"])
def test_an_assertion_that_a_library_signed_holds_too(kind: str) -> None:
    key = {"kid": "key-0"}
    assertion = jwt.encode(claims(kind), key_of(kind), algorithm_of(kind), headers=key)
    assert ask(front(kind)[0], kind, assertion) == ADA


@pytest.mark.parametrize("kind", KINDS)
def test_keys_may_be_pem_a_key_set_or_pem_by_id(kind: str) -> None:
    several = pem(key_of(kind, 1)) + pem(key_of(kind))
    by_id = json.dumps({"key-1": pem(key_of(kind, 1)), "key-0": pem(key_of(kind))})
    for keys in (pem(key_of(kind)), several, several.replace("\n", "\\n"), jwks(kind, 1, 0), by_id):
        assert ask(front(kind, KEYS=keys)[0], kind, signed(kind)) == ADA


def test_keys_of_a_set_that_are_for_something_else_are_passed_over() -> None:
    others = [
        jwk(key_for("RS256", 1), "key-0", use="enc"),
        jwk(key_for("RS256", 1), "key-0", alg="RS512"),
        jwk(key_for("ES256", 0), "key-0"),
    ]
    published = {
        "keys": [*others, jwk(key_for("RS256", 0), "key-0", use="sig", alg="RS256")],
        "public_cert": {"kid": "key-0"},
    }
    assert ask(
        front("cloudflare-access", KEYS=json.dumps(published))[0], "cloudflare-access", signed("cloudflare-access")
    )


# who signed


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
def test_the_public_key_is_no_shared_secret(kind: str) -> None:
    """Algorithm confusion: HMAC with the text of the public key, which everybody knows."""
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
def test_no_algorithm_but_the_proxys_own_is_taken(kind: str, alg: str) -> None:
    if alg != algorithm_of(kind):
        assert refusal(kind, signed(kind, {"alg": alg})) == "assertion_algorithm"


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_comes_with_the_assertion_is_not_used(kind: str) -> None:
    own = {"jwk": jwk(key_of(kind, 1), "key-0"), "jku": "https://evil.example/keys", "x5u": "https://evil.example/c"}
    assert refusal(kind, signed(kind, own, number=1)) == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", ["key-1", "", "../key-0", "key-0\x00", None])
def test_an_unknown_key_id_is_refused(kind: str, id: str | None) -> None:
    assert refusal(kind, signed(kind, {"kid": id})) == "assertion_key"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", [1, ["key-0"], {"a": 1}])
def test_a_key_id_that_is_no_text_is_refused(kind: str, id: Any) -> None:
    assert refusal(kind, signed(kind, {"kid": id})) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_id_chooses_and_no_other_key_is_tried(kind: str) -> None:
    assert refusal(kind, signed(kind, {"kid": "key-1"}), KEYS=jwks(kind, 0, 1)) == "assertion_signature"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", 7])
def test_an_assertion_that_asks_for_further_rules_is_refused(kind: str, crit: Any) -> None:
    assert refusal(kind, signed(kind, {"crit": crit, "b64": True})) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_that_is_not_encoded_is_refused(kind: str) -> None:
    assert refusal(kind, signed(kind, {"b64": False})) == "assertion_malformed"


# for whom and by whom


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
    assert ask(front(kind, AUDIENCE=f"other, {TAG}")[0], kind, signed(kind)) == ADA
    assert ask(front(kind)[0], kind, signed(kind, aud=["other", TAG])) == ADA


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "iss", ["https://evil.example", "", "https://", "https://shop.cloudflareaccess.com/", ["https://evil.example"], 7]
)
def test_an_assertion_of_another_issuer_is_refused(kind: str, iss: Any) -> None:
    assert refusal(kind, signed(kind, iss=iss)) == "assertion_issuer"


def test_pomeriums_issuer_is_the_routes_host_unless_it_is_set() -> None:
    url = "https://shop.example/"
    assert refusal("pomerium", signed("pomerium", iss=url)) == "assertion_issuer"
    found, _ = front("pomerium", ISSUER=url)
    assert ask(found, "pomerium", signed("pomerium", iss=url)) == ADA
    assert refusal("pomerium", signed("pomerium"), ISSUER=url) == "assertion_issuer"


# the load balancer's own form


@pytest.mark.parametrize("signer", [ARN.replace("shop", "evil"), "", None, [ARN], ARN.upper()])
def test_another_load_balancer_of_the_region_is_refused(signer: Any) -> None:
    """It signs with the same keys, for whoever rents it."""
    assert refusal("aws-alb", signed("aws-alb", {"signer": signer})) == "assertion_signer"


def test_issuer_and_expiry_may_stand_in_the_header_alone() -> None:
    found, _ = front("aws-alb")
    assert ask(found, "aws-alb", signed("aws-alb", exp=None, iss=None)) == ADA
    assert ask(found, "aws-alb", signed("aws-alb", {"exp": None, "iss": None})) == ADA


def test_issuer_and_expiry_stand_somewhere_and_agree_everywhere() -> None:
    other = "https://evil.example"
    assert refusal("aws-alb", signed("aws-alb", {"iss": other})) == "assertion_issuer"
    assert refusal("aws-alb", signed("aws-alb", {"iss": None}, iss=None)) == "assertion_issuer"
    assert refusal("aws-alb", signed("aws-alb", {"exp": NOW - 31})) == "assertion_expired"
    assert refusal("aws-alb", signed("aws-alb", {"exp": None}, exp=None)) == "assertion_incomplete"
    assert refusal("aws-alb", signed("aws-alb", sub=None)) == "assertion_incomplete"


def test_padding_is_taken_from_the_load_balancer_and_from_nobody_else() -> None:
    assert "=." in signed("aws-alb", name="A" * 3) + signed("aws-alb", name="A" * 4) + signed("aws-alb", name="AA")
    assert refusal("google-iap", signed("google-iap").replace(".", "=.", 1)) == "assertion_malformed"


# when


@pytest.mark.parametrize("kind", KINDS)
def test_two_clocks_may_differ_by_half_a_minute(kind: str) -> None:
    late = {"exp": NOW - 29}
    assert ask(front(kind)[0], kind, signed(kind, late if kind == "aws-alb" else None, **late)) == ADA
    assert ask(front(kind)[0], kind, signed(kind, iat=NOW + 29, nbf=NOW + 29)) == ADA
    assert refusal(kind, signed(kind, exp=NOW - 30)) == "assertion_expired"
    assert refusal(kind, signed(kind, iat=NOW + 31)) == "assertion_early"
    assert refusal(kind, signed(kind, nbf=NOW + 31)) == "assertion_early"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["soon", True, [NOW + 60], {}, "1e400", float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_that_is_none_is_refused(kind: str, value: Any, name: str) -> None:
    assert refusal(kind, signed(kind, **{name: value})) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_an_assertion_is_verified_once_and_believed_until_it_expires(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, verified = Clock(NOW), []
    decode = jwt.PyJWT.decode
    monkeypatch.setattr(jwt.PyJWT, "decode", lambda *args, **more: verified.append(1) or decode(*args, **more))
    found, _ = front(kind, clock)
    assertion = signed(kind)
    for _ in range(5):
        assert ask(found, kind, assertion) == ADA
    assert len(verified) == 1
    clock.turn(151)
    with pytest.raises(ProxyIdentityError):
        ask(found, kind, assertion)


def test_what_is_remembered_is_the_exact_text_and_bounded() -> None:
    kind = "google-iap"
    found, _ = front(kind)
    assert ask(found, kind, signed(kind)) == ADA
    with pytest.raises(ProxyIdentityError):
        ask(found, kind, signed(kind)[:-4] + "AAAA")
    for number in range(1100):
        found(scope((HEADER[kind], signed(kind, sub=f"user-{number}"))))
    assert len(found._state[1]) == 1024


def test_refused_assertions_are_not_remembered() -> None:
    found, _ = front("pomerium")
    for number in range(50):
        with pytest.raises(ProxyIdentityError):
            ask(found, "pomerium", signed("pomerium", sub=f"eve-{number}", number=1))
    assert found._state[1] == {}


# whom


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sub", ["", " "])
def test_an_assertion_for_no_person_means_nobody(kind: str, sub: str) -> None:
    """Cloudflare's service tokens, and Pomerium's routes that are open to everybody."""
    found, events = front(kind)
    assert ask(found, kind, signed(kind, sub=sub)) is None
    assert events.counts == {"proxy:blank": 2}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sub", [7, ["ada-1"], {"a": 1}, True, "a\nb", "a\ud800", "a\x00"])
def test_a_subject_that_is_no_id_is_refused(kind: str, sub: Any) -> None:
    assert refusal(kind, signed(kind, sub=sub)) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_or_email_that_cannot_be_one_is_left_out(kind: str) -> None:
    for more in ({"email": ["ada@shop.example"]}, {"email": "a\r\nb"}):
        found, events = front(kind)
        assert ask(found, kind, signed(kind, **more)) == User("ada-1", "Ada Lovelace")
        assert events.counts == {"proxy:value_left_out": 2}
    for more in ({"name": None, "email": None}, {"name": "", "email": ""}):
        found, events = front(kind)
        assert ask(found, kind, signed(kind, **more)) == User("ada-1")
        assert events.counts == {}


@pytest.mark.parametrize("said", [False, "false"])
def test_an_email_that_nobody_has_verified_is_left_out(said: Any) -> None:
    assert ask(front("aws-alb")[0], "aws-alb", signed("aws-alb", email_verified=said)) == User("ada-1", "Ada Lovelace")
    assert ask(front("aws-alb")[0], "aws-alb", signed("aws-alb", email_verified="true")) == ADA


def test_text_of_any_language_comes_through() -> None:
    found, _ = front("pomerium")
    assert ask(found, "pomerium", signed("pomerium", sub="user,1", name="Zoë, Łukasz")) == User(
        "user,1", "Zoë, Łukasz", PERSON["email"]
    )


# what is no assertion


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
def test_what_is_no_assertion_is_refused(kind: str, text: str) -> None:
    assert refusal(kind, text) in ("assertion_malformed", "assertion_algorithm")


@pytest.mark.parametrize("kind", KINDS)
def test_an_assertion_of_no_reasonable_length_is_refused(kind: str) -> None:
    assert refusal(kind, signed(kind, more="x" * 16_000)) == "assertion_malformed"


@pytest.mark.parametrize("kind", KINDS)
def test_two_assertions_are_none(kind: str) -> None:
    found, _ = front(kind)
    pair = ((HEADER[kind], signed(kind)), (HEADER[kind], signed(kind)))
    for make, code in ((scope, "header_repeated"), (environ, "assertion_malformed")):
        with pytest.raises(ProxyIdentityError) as caught:
            found(make(*pair))
        assert caught.value.reason.code == code


# keys that change


def test_a_new_key_counts_within_ten_seconds_and_the_old_ones_word_no_longer(tmp_path: Path) -> None:
    kind, clock, path = "google-iap", Clock(NOW), tmp_path / "keys"
    path.write_text(jwks(kind, 0))
    settings = {"KEYS": "", "KEYS_FILE": str(path)}
    found, _ = front(kind, clock, **settings)
    before = signed(kind)
    assert ask(found, kind, before) == ADA
    path.write_text(jwks(kind, 1))
    clock.turn(10)
    assert ask(found, kind, signed(kind, {"kid": "key-1"}, number=1)) == ADA
    with pytest.raises(ProxyIdentityError) as caught:
        ask(found, kind, before)
    assert caught.value.reason.code == "assertion_key"


def test_a_file_that_is_gone_or_broken_leaves_the_keys_in_hand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kind, clock, path = "google-iap", Clock(NOW), tmp_path / "keys"
    path.write_text(jwks(kind, 0))
    found, events = front(kind, clock, KEYS="", KEYS_FILE=str(path))
    for content in (None, "broken-content", jwks("cloudflare-access")):
        path.unlink() if content is None else path.write_text(content)
        clock.turn(10)
        assert ask(found, kind, signed(kind)) == ADA
    assert events.counts == {"proxy:key_file_unreadable": 1, "proxy:key_file_malformed": 2}
    assert "WIDGETMW_PROXY_KEYS_FILE" in caplog.text
    assert "broken-content" not in caplog.text
    assert str(tmp_path) not in caplog.text


def test_the_key_file_is_not_read_at_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, clock, path = "google-iap", Clock(NOW), tmp_path / "keys"
    path.write_text(jwks(kind, 0))
    found, _ = front(kind, clock, KEYS="", KEYS_FILE=str(path))
    opened = []
    original = SecretFile.read
    monkeypatch.setattr(SecretFile, "read", lambda self, **again: opened.append(self.path) or original(self, **again))
    for _ in range(20):
        ask(found, kind, signed(kind))
    assert opened == [str(path)]
