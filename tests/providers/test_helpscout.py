"""Help Scout: which addresses are signed, how, and what pages and the endpoint carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.client import client_of
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Origin, Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
ENV = {"HELPSCOUT_BEACON_ID": "beacon-1", "HELPSCOUT_SECRET": SECRET}
VECTORS = {
    "Ada@Example.org": "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac",
    "ada@example.org": "3616376c1204aff4f9754e2107f5406da865d876a44f1fac9e8259082f4b9cc9",
    "Ada@Example.org ": "c1964f9e9599c2d6f08c3572b2f354bc4bacca6256f197a167a93438c549136c",
}
HOSTILE = '</script><b>"Ada" \u2028<!--'


def provider(**environ: str) -> Provider:
    (vendor,) = Settings.from_env({**ENV, **environ}).vendors
    return vendor.provider


@pytest.mark.parametrize("email", VECTORS)
def test_the_address_is_signed_as_it_is(email: str) -> None:
    user = User("42", name="Ada", email=email, email_verified=True)
    minted = provider().mint(user, 0, None)
    assert (minted.value, minted.extra) == (VECTORS[email], {"email": email, "name": "Ada"})
    provider().verify(minted.value, user)


def test_a_signature_is_valid_for_its_user_only() -> None:
    with pytest.raises(ValueError, match="not that of the user"):
        provider().verify(VECTORS["Ada@Example.org"], User("42", email="bob@example.org"))


def test_a_user_without_a_name_has_none_at_the_vendor() -> None:
    assert provider().mint(User("42", email="ada@example.org"), 0, None).extra == {"email": "ada@example.org"}


@pytest.mark.parametrize(
    ("user", "trust", "code"),
    [
        (User("42"), "true", "email_missing"),
        (User("42", email="ada@example.org"), "false", "email_unverified"),
        (User("42", email="ada@example.org", email_verified=False), "false", "email_unverified"),
        (User("42", email="ada@example.org"), "true", ""),
        (User("42", email="ada@example.org", email_verified=True), "false", ""),
    ],
)
def test_only_an_address_that_is_vouched_for_is_signed(user: User, trust: str, code: str) -> None:
    assert provider(WIDGETMW_TRUST_EMAILS=trust).cannot_serve(user) == code


@pytest.mark.parametrize("name", ENV)
def test_both_variables_are_required(name: str) -> None:
    with pytest.raises(SettingsError, match=f"- {name} is not set, and helpscout needs it"):
        Settings.from_env({key: value for key, value in ENV.items() if key != name})


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = Settings.from_env({"HELPSCOUT_BEACON_ID": "b", "HELPSCOUT_SECRET_FILE": str(tmp_path / "secret")})
    user = User("42", email="Ada@Example.org")
    assert settings.vendors[0].provider.mint(user, 0, None).value == VECTORS["Ada@Example.org"]


def test_a_page_carries_the_signature_with_the_text_that_was_signed() -> None:
    user = User("42", name=HOSTILE, email="Ada@Example.org", email_verified=True)
    response = client_of(user, "helpscout", **ENV).get("/")
    assert HOSTILE not in response.text
    assert SECRET not in response.text
    token = testing.read_tokens(response.data)["helpscout"]
    assert (token.value, token.expires_at) == (VECTORS["Ada@Example.org"], None)
    assert token.extra == {"email": "Ada@Example.org", "name": HOSTILE}


def test_a_user_who_cannot_be_served_costs_no_other_vendor() -> None:
    visitor = client_of(User("42", email="ada@example.org"), "helpscout", "hissuno", **ENV)
    assert testing.read_tokens(visitor.get("/").data).keys() == {"hissuno"}
    assert visitor.get("/_widgetmw/token").get_json()["errors"] == {"helpscout": "email_unverified"}
    response = visitor.get("/_widgetmw/token/helpscout")
    assert (response.status_code, response.get_json()["error"]) == (409, "email_unverified")


def test_what_a_page_needs_besides() -> None:
    vendor = provider()
    assert vendor.browser_config() == {"beaconId": "beacon-1"}
    assert vendor.script_urls() == ("https://beacon-v2.helpscout.net/",)
    assert vendor.origins() == (Origin("script-src", "https://beacon-v2.helpscout.net", is_documented=False),)
    assert vendor.cookies() == ()  # it stores what it knows in localStorage
