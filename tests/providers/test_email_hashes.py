"""Crisp and Help Scout know users by the email address: what is signed, and what pages and the endpoint carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.client import client_of
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Origin, Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
ENVIRONMENTS = {
    "crisp": {"CRISP_WEBSITE_ID": "site-1", "CRISP_SECRET": SECRET},
    "helpscout": {"HELPSCOUT_BEACON_ID": "beacon-1", "HELPSCOUT_SECRET": SECRET},
}
VECTORS = {
    "Ada@Example.org": "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac",
    "ada@example.org": "3616376c1204aff4f9754e2107f5406da865d876a44f1fac9e8259082f4b9cc9",
    "Ada@Example.org ": "c1964f9e9599c2d6f08c3572b2f354bc4bacca6256f197a167a93438c549136c",
}
HOSTILE = '</script><b>"Ada" \u2028<!--'


@pytest.fixture(params=ENVIRONMENTS)
def vendor(request: pytest.FixtureRequest) -> str:
    """The name of each of the vendors in turn."""
    name: str = request.param
    return name


def provider(vendor: str, **environ: str) -> Provider:
    (configured,) = Settings.from_env({**ENVIRONMENTS[vendor], **environ}).vendors
    return configured.provider


@pytest.mark.parametrize("email", VECTORS)
def test_the_address_is_signed_as_it_is(vendor: str, email: str) -> None:
    user = User("42", name="Ada", email=email, email_verified=True)
    minted = provider(vendor).mint(user, 0, None)
    assert (minted.value, minted.extra) == (VECTORS[email], {"email": email, "name": "Ada"})
    provider(vendor).verify(minted.value, user)


def test_a_signature_is_valid_for_its_user_only(vendor: str) -> None:
    with pytest.raises(ValueError, match="not that of the user"):
        provider(vendor).verify(VECTORS["Ada@Example.org"], User("42", email="bob@example.org"))


def test_a_user_without_a_name_keeps_the_one_that_they_gave(vendor: str) -> None:
    assert provider(vendor).mint(User("42", email="ada@example.org"), 0, None).extra == {"email": "ada@example.org"}


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
def test_only_an_address_that_is_vouched_for_is_signed(vendor: str, user: User, trust: str, code: str) -> None:
    assert provider(vendor, WIDGETMW_TRUST_EMAILS=trust).cannot_serve(user) == code


@pytest.mark.parametrize("position", [0, 1])
def test_both_variables_are_required(vendor: str, position: int) -> None:
    environ = dict(ENVIRONMENTS[vendor])
    name = [*environ][position]
    del environ[name]
    with pytest.raises(SettingsError, match=f"- {name} is not set, and {vendor} needs it"):
        Settings.from_env(environ)


def test_the_secret_may_come_from_a_file(vendor: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    environ = dict(ENVIRONMENTS[vendor])
    name = [*environ][1]
    del environ[name]
    settings = Settings.from_env({**environ, f"{name}_FILE": str(tmp_path / "secret")})
    user = User("42", email="Ada@Example.org")
    assert settings.vendors[0].provider.mint(user, 0, None).value == VECTORS["Ada@Example.org"]


def test_a_page_carries_the_signature_with_the_text_that_was_signed(vendor: str) -> None:
    user = User("42", name=HOSTILE, email="Ada@Example.org", email_verified=True)
    response = client_of(user, vendor, **ENVIRONMENTS[vendor]).get("/")
    assert HOSTILE not in response.text
    assert SECRET not in response.text
    token = testing.read_tokens(response.data)[vendor]
    assert (token.value, token.expires_at) == (VECTORS["Ada@Example.org"], None)
    assert token.extra == {"email": "Ada@Example.org", "name": HOSTILE}


def test_a_user_who_cannot_be_served_costs_no_other_vendor(vendor: str) -> None:
    visitor = client_of(User("42", email="ada@example.org"), vendor, "hissuno", **ENVIRONMENTS[vendor])
    assert testing.read_tokens(visitor.get("/").data).keys() == {"hissuno"}
    assert visitor.get("/_widgetmw/token").get_json()["errors"] == {vendor: "email_unverified"}
    response = visitor.get(f"/_widgetmw/token/{vendor}")
    assert (response.status_code, response.get_json()["error"]) == (409, "email_unverified")


def test_the_website_id_of_crisp_must_be_one_since_a_cookie_is_named_after_it() -> None:
    with pytest.raises(SettingsError, match="CRISP_WEBSITE_ID must be an id of letters"):
        provider("crisp", CRISP_WEBSITE_ID="site-1; Domain=shop.example")


def test_what_a_page_with_crisp_needs_besides() -> None:
    crisp = provider("crisp")
    assert crisp.browser_config() == {"websiteId": "site-1"}
    assert crisp.script_urls() == ("https://client.crisp.chat/l.js",)
    assert crisp.cookies() == ("crisp-client/session/site-1",)
    assert all(origin.is_documented for origin in crisp.origins())
    assert {origin.directive for origin in crisp.origins()} >= {"script-src", "style-src", "connect-src", "worker-src"}


def test_what_a_page_with_help_scout_needs_besides() -> None:
    helpscout = provider("helpscout")
    assert helpscout.browser_config() == {"beaconId": "beacon-1"}
    assert helpscout.script_urls() == ("https://beacon-v2.helpscout.net/",)
    assert helpscout.origins() == (Origin("script-src", "https://beacon-v2.helpscout.net", is_documented=False),)
    assert helpscout.cookies() == ()  # it stores what it knows in localStorage
