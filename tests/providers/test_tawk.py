"""tawk.to: how an id is signed, and what pages and the endpoint carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.client import client_of
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
ENV = {"TAWK_PROPERTY_ID": "property-1", "TAWK_WIDGET_ID": "default", "TAWK_SECRET": SECRET}
VECTORS = {
    "42": "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7",
    "042": "e7e220e0c5165f24d44d2732bff3f97335207362d02fe3a6e4d1b86c9a8345d9",
    "Zo\u00eb": "662e59c8b9add83bee726b1da46e5ba67bdc158c805322c3c909b026c822bb47",
    "Zoe\u0308": "e9be80b0bbc433ac60450d8204aee01b8d7c986a12de94d894b8567afba3eca3",
}
HOSTILE = '</script><b>"Ada" \u2028<!--'


def provider(**environ: str) -> Provider:
    (vendor,) = Settings.from_env({**ENV, **environ}).vendors
    return vendor.provider


@pytest.mark.parametrize("user_id", VECTORS)
def test_the_id_is_signed_as_it_is(user_id: str) -> None:
    user = User(user_id, name="Ada", email="Ada@Example.org")
    minted = provider().mint(user, 0, None)
    assert minted.value == VECTORS[user_id]
    assert minted.extra == {"userId": user_id, "name": "Ada", "email": "Ada@Example.org"}
    provider().verify(minted.value, user)


def test_a_signature_is_valid_for_its_user_only() -> None:
    with pytest.raises(ValueError, match="not that of the user"):
        provider().verify(VECTORS["42"], User("43"))


def test_the_id_is_enough() -> None:
    assert provider().cannot_serve(User("42")) == ""
    assert provider().mint(User("42"), 0, None).extra == {"userId": "42"}


@pytest.mark.parametrize("name", ENV)
def test_every_variable_is_required(name: str) -> None:
    with pytest.raises(SettingsError, match=f"- {name} is not set, and tawk needs it"):
        Settings.from_env({key: value for key, value in ENV.items() if key != name})


@pytest.mark.parametrize("name", ["TAWK_PROPERTY_ID", "TAWK_WIDGET_ID"])
def test_an_id_that_is_no_part_of_a_path_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"- {name} must be an id of letters, digits, - and _"):
        provider(**{name: "default/../other"})


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    environ = {name: value for name, value in ENV.items() if name != "TAWK_SECRET"}
    settings = Settings.from_env({**environ, "TAWK_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.vendors[0].provider.mint(User("42"), 0, None).value == VECTORS["42"]


def test_a_page_carries_the_signature_with_the_id_that_was_signed() -> None:
    response = client_of(User("42", name=HOSTILE), "tawk", **ENV).get("/")
    assert HOSTILE not in response.text
    assert SECRET not in response.text
    token = testing.read_tokens(response.data)["tawk"]
    assert (token.value, token.expires_at) == (VECTORS["42"], None)
    assert token.extra == {"userId": "42", "name": HOSTILE}


def test_what_a_page_needs_besides() -> None:
    vendor = provider()
    assert vendor.browser_config() == {"propertyId": "property-1", "widgetId": "default"}
    assert vendor.script_urls() == ("https://embed.tawk.to/property-1/default",)
    assert {origin.directive for origin in vendor.origins()} == {"script-src", "connect-src", "img-src"}
    assert not any(origin.is_documented for origin in vendor.origins())
    assert "twk_uuid_property-1" in vendor.cookies()


def test_a_confirmed_sign_out_expires_the_widgets_cookies() -> None:
    client = client_of(None, "tawk", **ENV, WIDGETMW_COOKIE_DOMAIN="shop.example")
    expired = client.get("/_widgetmw/token?signout").headers.getlist("Set-Cookie")
    names = ["twk_uuid_property-1", "twk_idm_key", "TawkConnectionTime"]
    ends = ["", "; Domain=shop.example"]
    assert expired == [f"{name}=; Path=/; Max-Age=0{end}" for name in names for end in ends]
