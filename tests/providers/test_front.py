"""Front: how an id is signed, and what pages and the endpoint carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.client import client_of
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
ENV = {"FRONT_CHAT_ID": "chat-1", "FRONT_SECRET": SECRET}
VECTORS = {
    "42": "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7",
    "042": "e7e220e0c5165f24d44d2732bff3f97335207362d02fe3a6e4d1b86c9a8345d9",
}
HOSTILE = '</script><b>"Ada" \u2028<!--'


def provider() -> Provider:
    (vendor,) = Settings.from_env(ENV).vendors
    return vendor.provider


@pytest.mark.parametrize("user_id", VECTORS)
def test_the_id_is_signed_also_beside_an_address(user_id: str) -> None:
    user = User(user_id, name="Ada", email="Ada@Example.org")
    minted = provider().mint(user, 0, None)
    assert minted.value == VECTORS[user_id]
    assert minted.extra == {"userId": user_id, "email": "Ada@Example.org", "name": "Ada"}
    provider().verify(minted.value, user)


def test_a_signature_is_valid_for_its_user_only() -> None:
    with pytest.raises(ValueError, match="not that of the user"):
        provider().verify(VECTORS["42"], User("43"))


def test_the_id_is_enough() -> None:
    assert provider().cannot_serve(User("42")) == ""
    assert provider().mint(User("42"), 0, None).extra == {"userId": "42"}


@pytest.mark.parametrize("name", ENV)
def test_both_variables_are_required(name: str) -> None:
    with pytest.raises(SettingsError, match=f"- {name} is not set, and front needs it"):
        Settings.from_env({key: value for key, value in ENV.items() if key != name})


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = Settings.from_env({"FRONT_CHAT_ID": "chat-1", "FRONT_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.vendors[0].provider.mint(User("42"), 0, None).value == VECTORS["42"]


def test_a_page_carries_the_signature_with_the_id_that_was_signed() -> None:
    response = client_of(User("42", name=HOSTILE), "front", **ENV).get("/")
    assert HOSTILE not in response.text
    assert SECRET not in response.text
    token = testing.read_tokens(response.data)["front"]
    assert (token.value, token.expires_at) == (VECTORS["42"], None)
    assert token.extra == {"userId": "42", "name": HOSTILE}


def test_what_a_page_needs_besides() -> None:
    vendor = provider()
    assert vendor.browser_config() == {"chatId": "chat-1"}
    assert vendor.script_urls() == ("https://chat-assets.frontapp.com/v1/chat.bundle.js",)
    origins = {origin.directive: origin.source.split() for origin in vendor.origins()}
    assert origins["script-src"] == ["https://chat-assets.frontapp.com"]
    assert "https://eu-west-1-chat-server.frontapp.com" in origins["connect-src"]
    assert all(origin.is_documented for origin in vendor.origins())
    assert vendor.cookies() == ()  # the names are unknown; the widget's own shutdown removes them
