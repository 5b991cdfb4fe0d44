"""What the stand-in backends accept and reject. PyJWT makes the tokens here, not the code under test."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.demo.conftest import NOW
from widgetmw.demo.keys import Keys
from widgetmw.demo.vendors import Vendors

VENDORS = ("digitalgenius", "hissuno", "orlo", "giosg", "intercom", "zendesk")
#: The name of the account's secret, and the field that is signed, for each vendor whose token is a digest.
DIGESTS = {
    "chatwoot": ("chatwoot_hmac_token", "identifier"),
    "crisp": ("crisp_secret", "email"),
    "helpscout": ("helpscout_secret", "email"),
    "tawk": ("tawk_secret", "userId"),
    "front": ("front_secret", "userId"),
}
VISITOR = {"userId": "1001", "identifier": "a-1001", "email": "Ada@Example.org", "name": "Ada"}


def dg(keys: Keys, **changes: Any) -> str:
    claims = {"scope": "user", "external_id": "1001", "exp": NOW + 20, **changes}
    return jwt.encode(claims, keys.dg_api_secret, "HS256", headers={"kid": keys.dg_api_key})


def hissuno(keys: Keys, **changes: Any) -> str:
    claims = {"userId": "1001", "userMetadata": {"name": "Ada"}, "exp": NOW + 20, **changes}
    return jwt.encode(claims, keys.hissuno_secret_key, "HS256")


def orlo(keys: Keys, **changes: Any) -> str:
    claims = {"name": "Ada", "isLoggedIn": True, "exp": NOW + 20, **changes}
    return jwt.encode(claims, keys.orlo_private_key, "RS256")


def giosg(keys: Keys, **changes: Any) -> str:
    return jwt.encode({"username": "Ada", "exp": NOW + 20, **changes}, keys.giosg_signing_key, "HS256")


def intercom(keys: Keys, **changes: Any) -> str:
    claims = {"user_id": "1001", "name": "Ada", "exp": NOW + 20, **changes}
    return jwt.encode(claims, keys.intercom_secret, "HS256")


def zendesk(keys: Keys, **changes: Any) -> str:
    claims = {"scope": "user", "external_id": "1001", "name": "Ada", "exp": NOW + 20, **changes}
    return jwt.encode(claims, keys.zendesk_secret, "HS256", headers={"kid": keys.zendesk_key_id})


@pytest.mark.parametrize(
    ("vendor", "mint", "user"),
    [
        ("digitalgenius", dg, "customer 1001"),
        ("hissuno", hissuno, "Ada"),
        ("orlo", orlo, "Ada"),
        ("giosg", giosg, "Ada"),
        ("intercom", intercom, "Ada"),
        ("zendesk", zendesk, "Ada"),
    ],
)
def test_accepts_a_valid_token_and_identifies_the_user(
    vendors: Vendors, keys: Keys, vendor: str, mint: Any, user: str
) -> None:
    verdict = vendors.verify(vendor, mint(keys))
    assert (verdict.verified, verdict.status, verdict.user, verdict.error) == (True, 200, user, None)


@pytest.mark.parametrize(
    ("vendor", "mint", "status"),
    [
        ("digitalgenius", dg, 401),
        ("orlo", orlo, 401),
        ("giosg", giosg, 400),
        ("intercom", intercom, 401),
        ("zendesk", zendesk, 401),
    ],
)
def test_rejects_a_token_from_the_second_of_its_expiry(
    vendors: Vendors, keys: Keys, vendor: str, mint: Any, status: int
) -> None:
    assert vendors.verify(vendor, mint(keys, exp=NOW + 1)).verified
    verdict = vendors.verify(vendor, mint(keys, exp=NOW))
    assert (verdict.verified, verdict.status, verdict.error) == (False, status, "Token expired")


def test_hissuno_tolerates_59_seconds_and_not_60(vendors: Vendors, keys: Keys) -> None:
    assert vendors.verify("hissuno", hissuno(keys, exp=NOW - 59)).verified
    assert vendors.verify("hissuno", hissuno(keys, exp=NOW - 60)).error == "Token expired"


@pytest.mark.parametrize("vendor", VENDORS)
def test_rejects_a_token_of_another_account(vendors: Vendors, keys: Keys, vendor: str) -> None:
    mint = {
        "digitalgenius": dg,
        "hissuno": hissuno,
        "orlo": orlo,
        "giosg": giosg,
        "intercom": intercom,
        "zendesk": zendesk,
    }[vendor]
    verdict = vendors.verify(vendor, mint(Keys()))
    assert not verdict.verified
    assert verdict.error in {"Bad signature", "Invalid token"}


@pytest.mark.parametrize("vendor", DIGESTS)
def test_accepts_a_digest_of_the_text_that_was_signed_alone(vendors: Vendors, keys: Keys, vendor: str) -> None:
    secret, signed = DIGESTS[vendor]
    digest = hmac.new(getattr(keys, secret).encode(), VISITOR[signed].encode(), "sha256").hexdigest()
    assert vendors.verify(vendor, digest, VISITOR).user == "Ada"
    assert vendors.reply(vendor, digest, VISITOR)[0].startswith("You are Ada.")
    for text, error in {"": f"{signed} is missing", VISITOR[signed].lower() + "x": "Bad signature"}.items():
        assert vendors.verify(vendor, digest, {**VISITOR, signed: text}).error == error
    assert vendors.verify(vendor, digest.upper(), VISITOR).error == "Bad signature"


def test_digitalgenius_rejects_an_unknown_api_key(vendors: Vendors, keys: Keys) -> None:
    verdict = vendors.verify("digitalgenius", dg(replace(keys, dg_api_key="other")))
    assert verdict.error == "Unknown API key in kid"


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"scope": "admin"}, "scope is not user"), ({"external_id": 7}, "external_id is missing")],
)
def test_digitalgenius_requires_a_user_with_an_id(
    vendors: Vendors, keys: Keys, changes: dict[str, Any], error: str
) -> None:
    assert vendors.verify("digitalgenius", dg(keys, **changes)).error == error


@pytest.mark.parametrize("user_id", [7, "", None])
def test_hissuno_requires_a_string_as_user_id(vendors: Vendors, keys: Keys, user_id: object) -> None:
    assert vendors.verify("hissuno", hissuno(keys, userId=user_id)).error == "Token missing required userId field"


def test_hissuno_uses_its_own_error_messages(vendors: Vendors) -> None:
    assert vendors.verify("hissuno", "").error == "Widget token is required"
    assert vendors.verify("hissuno", "nonsense").error == "Invalid token"


def test_orlo_requires_a_name_and_a_logged_in_user(vendors: Vendors, keys: Keys) -> None:
    assert vendors.verify("orlo", orlo(keys, isLoggedIn="true")).error == "isLoggedIn is not true"
    assert vendors.verify("orlo", orlo(keys, name="")).error == "name is missing"


@pytest.mark.parametrize("user_id", [7, "", None])
def test_intercom_requires_a_string_as_user_id(vendors: Vendors, keys: Keys, user_id: object) -> None:
    assert vendors.verify("intercom", intercom(keys, user_id=user_id)).error == "user_id is missing"


def test_zendesk_rejects_an_unknown_key(vendors: Vendors, keys: Keys) -> None:
    assert vendors.verify("zendesk", zendesk(replace(keys, zendesk_key_id="other"))).error == "Unknown key in kid"


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"scope": "admin"}, "scope is not user"), ({"external_id": 7}, "external_id is missing")],
)
def test_zendesk_requires_a_user_with_an_id(vendors: Vendors, keys: Keys, changes: dict[str, Any], error: str) -> None:
    assert vendors.verify("zendesk", zendesk(keys, **changes)).error == error


def test_giosg_responds_400_to_a_bad_signature(vendors: Vendors, keys: Keys) -> None:
    assert vendors.verify("giosg", giosg(keys) + "A").status == 400


def test_a_chat_reply_depends_on_the_token_alone(vendors: Vendors, keys: Keys) -> None:
    assert vendors.reply("orlo", orlo(keys, name="Zoë"))[0].startswith("You are Zoë.")
    assert vendors.reply("orlo", "")[0].startswith("I cannot tell who you are")
    assert "Token expired" in vendors.reply("orlo", orlo(keys, exp=NOW))[0]


DOCUMENTED = Keys(
    giosg_organization="b9690e9c-43bb-11e8-84ba-6c4008c08dfe",
    giosg_room="b96b2099-43bb-11e8-8011-6c4008c08dfe",
    giosg_signing_key="12b3b0a95ae4609e578e1a70b62a00c5591f002c",
)
ROOM = (
    "https://service.giosg.com/widgets/v1/public/orgs/b9690e9c-43bb-11e8-84ba-6c4008c08dfe"
    "/rooms/b96b2099-43bb-11e8-8011-6c4008c08dfe/chat"
)
SIGNED = f"{ROOM}?exp=1524133626&alg=sha1&sig=c7d3de8daba3b84d4177faab829a0cdb99456562"


def vendors_at(timestamp: float) -> Vendors:
    return Vendors(DOCUMENTED, lambda: timestamp)


def signed(query: str) -> str:
    url = f"{ROOM}?{query}"
    return f"{url}&sig={hashlib.sha1((url + DOCUMENTED.giosg_signing_key).encode()).hexdigest()}"


def test_giosg_accepts_the_documented_url_until_it_expires() -> None:
    assert vendors_at(1524133625).verify_url(SIGNED).verified
    verdict = vendors_at(1524133626).verify_url(SIGNED)
    assert (verdict.verified, verdict.status, verdict.error) == (False, 403, "Token expired")


def test_giosg_reads_the_name_from_the_url() -> None:
    assert vendors_at(1).verify_url(signed("exp=9&alg=sha1&var.name=Zo%C3%AB%20%26%20co")).user == "Zoë & co"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (SIGNED[:-1] + "3", "Bad signature"),
        (SIGNED.replace("1524133626", "1624133626"), "Bad signature"),
        (SIGNED.replace("service.giosg.com", "giosg.example"), "Unknown room or missing signature"),
        (SIGNED.partition("&sig=")[0], "Unknown room or missing signature"),
        (signed("exp=9&alg=md5"), "Wrong algorithm: expected sha1"),
        (signed("alg=sha1"), "exp is not a timestamp"),
        (signed(f"exp={'9' * 5000}&alg=sha1"), "exp is not a timestamp"),
    ],
)
def test_giosg_rejects_an_altered_url(url: str, error: str) -> None:
    assert vendors_at(1).verify_url(url).error == error


@given(vendor=st.sampled_from((*VENDORS, *DIGESTS)), text=st.text())
def test_arbitrary_text_is_rejected_without_an_exception(vendor: str, text: str) -> None:
    assert not Vendors(DOCUMENTED, lambda: 0).verify(vendor, text, VISITOR).verified
    assert not vendors_at(0).verify_url(text).verified
