"""All vendors at once: one that cannot sign, or cannot serve the user, costs the others nothing."""

from __future__ import annotations

import pytest

from tests.providers.client import client_with
from widgetmw import Settings, User, testing
from widgetmw.provider import Provider
from widgetmw.providers import ORDER

ADA = User("42", "Ada", "ada@shop.example", email_verified=True)


@pytest.fixture
def settings() -> Settings:
    return testing.settings(*ORDER)


def provider(settings: Settings, name: str) -> Provider:
    return next(vendor.provider for vendor in settings.vendors if vendor.provider.name == name)


def assert_others_are_served(settings: Settings, broken: str, error: str) -> None:
    """Asserts that page and endpoint have the tokens of all vendors but one, and the endpoint the code of that one."""
    client = client_with(ADA, settings)
    others = [name for name in ORDER if name != broken]
    in_page = [name for name in others if provider(settings, name).in_page]
    assert list(testing.read_tokens(client.get("/").data)) == in_page
    body = client.get("/_widgetmw/token").json
    assert body is not None
    assert (list(body["tokens"]), body["errors"]) == (others, {broken: error})


@pytest.mark.parametrize("broken", ORDER)
def test_a_vendor_whose_key_cannot_sign_leaves_the_others_their_tokens(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(provider(settings, broken), "_key", object())
    assert_others_are_served(settings, broken, "token_unavailable")


@pytest.mark.parametrize("broken", ORDER)
def test_a_vendor_that_cannot_serve_the_user_leaves_the_others_their_tokens(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(provider(settings, broken), "cannot_serve", lambda user: "name_missing")
    assert_others_are_served(settings, broken, "name_missing")
