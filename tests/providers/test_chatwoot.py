"""Chatwoot: what is signed, how, and what pages and the endpoint carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.client import client_of
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Origin, Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
ENV = {
    "CHATWOOT_BASE_URL": "https://chat.shop.example",
    "CHATWOOT_WEBSITE_TOKEN": "token-1",
    "CHATWOOT_HMAC_TOKEN": SECRET,
}
OF_42 = "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7"
VECTORS: dict[str | int, str] = {
    "42": OF_42,
    42: OF_42,
    "042": "e7e220e0c5165f24d44d2732bff3f97335207362d02fe3a6e4d1b86c9a8345d9",
    "Zo\u00eb": "662e59c8b9add83bee726b1da46e5ba67bdc158c805322c3c909b026c822bb47",
    "Zoe\u0308": "e9be80b0bbc433ac60450d8204aee01b8d7c986a12de94d894b8567afba3eca3",
}
HOSTILE = '</script><b>"Ada" \u2028<!--'


def provider(**environ: str) -> Provider:
    (vendor,) = Settings.from_env({**ENV, **environ}).vendors
    return vendor.provider


@pytest.mark.parametrize("user_id", VECTORS)
def test_the_id_is_signed_as_it_is(user_id: str | int) -> None:
    user = User(user_id, name="Ada", email="ada@example.org")
    minted = provider().mint(user, 0, None)
    assert minted.value == VECTORS[user_id]
    assert minted.extra == {"identifier": str(user_id), "name": "Ada", "email": "ada@example.org"}
    provider().verify(minted.value, user)


def test_a_hash_is_valid_for_its_user_only() -> None:
    with pytest.raises(ValueError, match="not that of the user"):
        provider().verify(OF_42, User("43"))


@pytest.mark.parametrize(
    ("user", "fields"),
    [
        (User("42", name="Ada"), {"name": "Ada"}),
        (User("42", email="ada@example.org"), {"email": "ada@example.org"}),
        (User("42"), {"name": "42"}),
    ],
)
def test_a_user_without_a_name_and_an_email_has_the_id_as_name(user: User, fields: dict[str, str]) -> None:
    assert provider().mint(user, 0, None).extra == {"identifier": "42", **fields}


@pytest.mark.parametrize("name", ENV)
def test_all_variables_are_required(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set, and chatwoot needs it"):
        Settings.from_env({key: value for key, value in ENV.items() if key != name})


@pytest.mark.parametrize(
    "url",
    ["chat.shop.example", "ftp://chat.shop.example", "https://", "https://a.example/?x=1", "https://a.example; b"],
)
def test_the_base_url_must_be_one(url: str) -> None:
    with pytest.raises(SettingsError, match="CHATWOOT_BASE_URL must be a URL"):
        provider(CHATWOOT_BASE_URL=url)


def test_the_website_token_must_be_one_since_a_cookie_is_named_after_it() -> None:
    with pytest.raises(SettingsError, match="CHATWOOT_WEBSITE_TOKEN must be an id of letters"):
        provider(CHATWOOT_WEBSITE_TOKEN="a; Domain=shop.example")


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    environ = {**ENV, "CHATWOOT_HMAC_TOKEN_FILE": str(tmp_path / "secret")}
    del environ["CHATWOOT_HMAC_TOKEN"]
    assert Settings.from_env(environ).vendors[0].provider.mint(User("42"), 0, None).value == OF_42


def test_a_page_carries_the_hash_with_the_text_that_was_signed() -> None:
    response = client_of(User("42", name=HOSTILE), "chatwoot", **ENV).get("/")
    assert HOSTILE not in response.text
    assert SECRET not in response.text
    token = testing.read_tokens(response.data)["chatwoot"]
    assert (token.value, token.expires_at) == (OF_42, None)
    assert token.extra == {"identifier": "42", "name": HOSTILE}


def test_what_a_page_needs_besides() -> None:
    vendor = provider(CHATWOOT_BASE_URL="https://shop.example:8443/chat/")
    assert vendor.browser_config() == {"baseUrl": "https://shop.example:8443/chat", "websiteToken": "token-1"}
    assert vendor.script_urls() == ("https://shop.example:8443/chat/packs/js/sdk.js",)
    assert vendor.cookies() == ("cw_conversation", "cw_user_token-1")
    host = "https://shop.example:8443"
    assert vendor.origins() == (
        Origin("script-src", host, is_documented=False),
        Origin("frame-src", host, is_documented=False),
        Origin("connect-src", host, is_documented=False),
        Origin("style-src", "'unsafe-inline'", is_documented=False),
    )
