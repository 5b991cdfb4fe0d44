"""The claims of each vendor's token; node's jsonwebtoken and OpenSSL verify the signatures."""

from __future__ import annotations

import hashlib
import json
import subprocess
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.components import CACHE
from tests.conftest import DG_SECRET, GIOSG_KEY, HISSUNO_SECRET, Clock, require, skip_or_fail
from widgetmw import Settings, User
from widgetmw.core.events import Events
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.tokens.token import TokenSet
from widgetmw.provider import hmac_key
from widgetmw.providers.giosg import Giosg

ADA = User("ada-1", "Ada Lovelace", "ada@example.com", {"plan": "gold", "seats": 3, "trial": False, "score": 1.5})
NAMELESS = User("x-1")


def token_set(environ: dict[str, str], user: User, clock: Clock) -> TokenSet:
    return TokenCache(Settings.from_env(environ), clock, Events()).get(user)


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = (urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(payload)


def token(environ: dict[str, str], provider: str, user: User, clock: Clock) -> str:
    return token_set(environ, user, clock).by_provider[provider].value


def test_digitalgenius_mints_the_documented_claims(env: dict[str, str], clock: Clock) -> None:
    header, payload = decoded(token(env, "digitalgenius", ADA, clock))
    assert header == {"alg": "HS256", "typ": "JWT", "kid": "dg-api-key"}
    now = int(clock.now)
    assert payload == {"scope": "user", "external_id": "ada-1", "iat": now, "exp": now + 3600}


def test_hissuno_mints_strings_only(env: dict[str, str], clock: Clock) -> None:
    header, payload = decoded(token(env, "hissuno", ADA, clock))
    assert header == {"alg": "HS256", "typ": "JWT"}
    now = int(clock.now)
    assert payload == {
        "userId": "ada-1",
        "userMetadata": {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "plan": "gold",
            "seats": "3",
            "trial": "false",
            "score": "1.5",
        },
        "iat": now,
        "exp": now + 86_400,
    }


def test_hissuno_metadata_is_there_even_when_nothing_is_known(env: dict[str, str], clock: Clock) -> None:
    assert decoded(token(env, "hissuno", NAMELESS, clock))[1]["userMetadata"] == {}


def test_orlo_mints_customer_data(env: dict[str, str], clock: Clock) -> None:
    header, payload = decoded(token(env, "orlo", ADA, clock))
    assert header == {"alg": "RS256", "typ": "JWT"}
    now = int(clock.now)
    own = {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "isLoggedIn": True,
        "iat": now,
        "exp": now + 3600,
    }
    assert payload == {**own, "plan": "gold", "seats": 3, "trial": False, "score": 1.5}


def test_orlo_names_the_nameless_by_their_id_and_has_no_email_then(env: dict[str, str], clock: Clock) -> None:
    payload = decoded(token({**env, "ORLO_TOKEN_TTL": "0"}, "orlo", NAMELESS, clock))[1]
    assert payload == {"name": "x-1", "isLoggedIn": True}


def test_orlo_without_a_lifetime_never_expires(env: dict[str, str], clock: Clock) -> None:
    found = token_set({**env, "ORLO_TOKEN_TTL": "0"}, ADA, clock).by_provider["orlo"]
    assert (found.expires_at, found.refresh_at) == (None, None)


def test_giosg_signs_visitor_data(env: dict[str, str], clock: Clock) -> None:
    header, payload = decoded(token(env, "giosg", ADA, clock))
    assert header == {"alg": "HS256", "typ": "JWT"}
    own = {
        "userId": "ada-1",
        "username": "Ada Lovelace",
        "email": "ada@example.com",
        "exp": int(clock.now) + 3600,
    }
    assert payload == {**own, "plan": "gold", "seats": 3, "trial": False, "score": 1.5}


def test_giosg_signs_the_whole_url_in_its_final_order(env: dict[str, str], clock: Clock) -> None:
    user = User("g", "Ää & Co", "a+b@example.com", {"cart value": "1/2", "~x": True})
    url = token_set(env, user, clock).by_provider["giosg"].extra["url"]
    signed, _, signature = url.rpartition("&sig=")
    assert hashlib.sha1((signed + GIOSG_KEY).encode()).hexdigest() == signature
    assert "+" not in url
    assert "%20" in url
    assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [
        ("exp", str(int(clock.now) + 3600)),
        ("alg", "sha1"),
        ("var.name", "Ää & Co"),
        ("var.email", "a+b@example.com"),
        ("var.cart value", "1/2"),
        ("var.~x", "true"),
        ("sig", signature),
    ]


def test_the_vendors_vector_of_a_signed_url(env: dict[str, str], clock: Clock) -> None:
    clock.now = 1524133626 - 3600
    url = token_set(env, NAMELESS, clock).by_provider["giosg"].extra["url"]
    assert url == (
        "https://service.giosg.com/widgets/v1/public/orgs/b9690e9c-43bb-11e8-84ba-6c4008c08dfe"
        "/rooms/b96b2099-43bb-11e8-8011-6c4008c08dfe/chat?exp=1524133626&alg=sha1"
        "&sig=c7d3de8daba3b84d4177faab829a0cdb99456562"
    )


def test_the_vendors_vector_of_signed_visitor_data() -> None:
    provider = Giosg({"GIOSG_SIGNING_KEY": hmac_key("supersecretkey"), "GIOSG_TOKEN_TTL": 60})
    signed = provider.sign({"comic_url": "http://xkcd.com/1360/"})
    assert signed.rpartition(".")[2] == "BsjBt9a9imoj9P5_7aIAe5nuhPd5jb8HGvAJKPCwm6A"


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_giosg_uses_the_hash_that_is_configured(env: dict[str, str], clock: Clock, algorithm: str) -> None:
    url = token_set({**env, "GIOSG_URL_ALGORITHM": algorithm}, ADA, clock).by_provider["giosg"].extra["url"]
    signed, _, signature = url.rpartition("&sig=")
    assert f"&alg={algorithm}&" in url
    assert hashlib.new(algorithm, (signed + GIOSG_KEY).encode()).hexdigest() == signature


COLLISIONS = {
    "digitalgenius": ["scope", "external_id", "iat", "exp"],
    "hissuno": ["userId", "userMetadata", "iat", "exp"],
    "orlo": ["name", "email", "isLoggedIn", "iat", "exp"],
    "giosg": ["userId", "username", "email", "exp"],
}


@pytest.mark.parametrize("provider", COLLISIONS)
def test_a_vendors_own_claims_win_over_attributes(env: dict[str, str], clock: Clock, provider: str) -> None:
    evil = User("ada-1", "Ada", "ada@example.com", dict.fromkeys(COLLISIONS[provider], "evil"))
    honest = User("ada-1", "Ada", "ada@example.com")
    theirs, ours = (decoded(token(env, provider, user, clock))[1] for user in (evil, honest))
    assert {key: theirs[key] for key in COLLISIONS[provider]} == {
        key: {**ours[key], **theirs[key]} if key == "userMetadata" else ours[key] for key in COLLISIONS[provider]
    }


def test_an_attribute_never_stands_in_for_an_unknown_email(env: dict[str, str], clock: Clock) -> None:
    user = User("x", attributes={"email": "evil@example.com", "name": "Evil", "username": "Evil"})
    everything = json.dumps([decoded(t.value)[1] for t in token_set(env, user, clock).by_provider.values()][2:])
    assert "evil@example.com" not in everything
    assert decoded(token(env, "hissuno", user, clock))[1]["userMetadata"].keys() == {"username"}


def test_a_collision_is_reported_once_by_name(
    env: dict[str, str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    events = Events()
    tokens = TokenCache(Settings.from_env({**env, "WIDGETMW_PROVIDERS": "orlo"}), clock, events)
    for id in ("a", "b"):
        tokens.get(User(id, attributes={"isLoggedIn": "secret-value"}))
    assert events.counts["token:attribute_collision"] == 2
    (record,) = caplog.records
    assert "isLoggedIn" in record.getMessage()
    assert "secret-value" not in caplog.text


def test_mobile_url_holds_token_and_widget(env: dict[str, str], clock: Clock) -> None:
    env["ORLO_MOBILE_URL"] = "https://m.example/c/WIDGET_ID?jwt=JWT_TOKEN"
    settings = Settings.from_env({**env, "WIDGETMW_PROVIDERS": "orlo"})
    value = token(env, "orlo", ADA, clock)
    assert settings.vendors[0].provider.endpoint_extras(value) == {
        "mobile_url": f"https://m.example/c/orlo-9?jwt={value}"
    }


# strangers


def node(script: str, *words: str) -> str:
    program = require("node")
    if not (CACHE / "node_modules" / "jsonwebtoken").exists():
        skip_or_fail("node's jsonwebtoken is not installed, and it is the independent verifier")
    done = subprocess.run(
        [program, "-e", script, *words], cwd=CACHE, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


VERIFY = """
const [token, key, algorithm, now] = process.argv.slice(1);
const claims = require("jsonwebtoken").verify(token, key, {algorithms: [algorithm], clockTimestamp: +now});
console.log(JSON.stringify(claims));
"""


def test_nodes_jsonwebtoken_verifies_every_token(env: dict[str, str], clock: Clock, rsa_public_pem: str) -> None:
    keys = {"digitalgenius": DG_SECRET, "hissuno": HISSUNO_SECRET, "orlo": rsa_public_pem, "giosg": GIOSG_KEY}
    for provider, key in keys.items():
        value = token(env, provider, ADA, clock)
        algorithm = "RS256" if provider == "orlo" else "HS256"
        claims = json.loads(node(VERIFY, value, key, algorithm, str(int(clock.now))))
        assert claims == decoded(value)[1]


def test_nodes_jsonwebtoken_refuses_a_token_one_second_after_its_expiry(env: dict[str, str], clock: Clock) -> None:
    value = token(env, "digitalgenius", ADA, clock)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        node(VERIFY, value, DG_SECRET, "HS256", str(int(clock.now) + 3601))
    assert "jwt expired" in caught.value.stderr


def test_openssl_verifies_the_rsa_signature(
    env: dict[str, str], clock: Clock, rsa_public_pem: str, tmp_path: Path
) -> None:
    program = require("openssl")
    signed, _, signature = token(env, "orlo", ADA, clock).rpartition(".")
    (tmp_path / "key").write_text(rsa_public_pem)
    (tmp_path / "sig").write_bytes(urlsafe_b64decode(signature + "=="))
    (tmp_path / "data").write_text(signed)
    words = ["dgst", "-sha256", "-verify", "key", "-signature", "sig", "data"]
    done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "Verified OK"


def test_openssl_makes_the_same_hmac(env: dict[str, str], clock: Clock) -> None:
    program = require("openssl")
    signed, _, signature = token(env, "hissuno", ADA, clock).rpartition(".")
    words = [
        "dgst",
        "-sha256",
        "-mac",
        "HMAC",
        "-macopt",
        f"hexkey:{HISSUNO_SECRET.encode().hex()}",
        "-binary",
    ]
    done = subprocess.run([program, *words], input=signed.encode(), capture_output=True, timeout=30, check=True)
    assert done.stdout == urlsafe_b64decode(signature + "==")
