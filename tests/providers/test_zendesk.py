"""What Zendesk's token says, against vectors that OpenSSL and node have confirmed, and what its class refuses."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest

from widgetmw import Settings, SettingsError, User
from widgetmw.core.provider import Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
KEY_ID = "app_5f1e2d3c4b5a69788796a5b4"
ENV = {"ZENDESK_WIDGET_KEY": "key-1", "ZENDESK_KEY_ID": KEY_ID, "ZENDESK_SECRET": SECRET}
ADA = User("42", name="Ada", email="Ada@Example.org", email_verified=True)


def zendesk(**changes: str) -> Provider:
    (vendor,) = Settings.from_env({**ENV, **changes}).vendors
    return vendor.provider


def claims(user: User, **changes: str) -> dict[str, Any]:
    token = zendesk(**changes).mint(user, 1, 2).value
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def test_the_token_is_that_of_the_vector() -> None:
    token = zendesk().mint(ADA, 1767225600, 1767226200).value
    header, payload, signature = token.split(".")
    assert urlsafe_b64decode(header + "==") == b'{"alg":"HS256","kid":"%s","typ":"JWT"}' % KEY_ID.encode()
    assert urlsafe_b64decode(payload + "==") == (
        b'{"scope":"user","external_id":"42","name":"Ada","email":"Ada@Example.org","email_verified":true,'
        b'"iat":1767225600,"exp":1767226200}'
    )
    assert signature == "R4EinXQ2h1Ib40I_xwOJ2850LI1sRcy8Dc4982gKaqw"


def test_a_user_without_email_and_name_is_served_by_the_id_as_text() -> None:
    assert claims(User(42)) == {"scope": "user", "external_id": "42", "iat": 1, "exp": 2}
    assert zendesk().cannot_serve(User(42)) == ""


@pytest.mark.parametrize(
    ("is_verified", "trust", "claim"),
    [
        (None, "false", None),
        (None, "true", True),
        (True, "false", True),
        (False, "false", False),
        (False, "true", True),
    ],
)
def test_an_email_address_is_called_verified_as_far_as_that_is_known(
    is_verified: bool | None, trust: str, claim: bool | None
) -> None:
    user = User("42", email="ada@shop.example", email_verified=is_verified)
    found = claims(user, WIDGETMW_TRUST_EMAILS=trust)
    assert found["email"] == "ada@shop.example"
    assert found.get("email_verified") is claim


def test_nothing_is_called_verified_without_an_email_address() -> None:
    assert "email_verified" not in claims(User("42", email_verified=True), WIDGETMW_TRUST_EMAILS="true")


def test_attributes_are_not_sent() -> None:
    found = claims(User("42", attributes={"plan": "gold", "scope": "admin", "external_id": "1", "exp": 9}))
    assert found == {"scope": "user", "external_id": "42", "iat": 1, "exp": 2}


def test_no_page_carries_the_token() -> None:
    assert (zendesk().in_page, zendesk().browser_config()) == (False, {"key": "key-1"})


def test_the_lifetime_is_an_hour_unless_it_is_set() -> None:
    assert [zendesk().lifetime, zendesk(ZENDESK_TOKEN_TTL="600").lifetime] == [3600, 600]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ZENDESK_WIDGET_KEY": ""}, "ZENDESK_WIDGET_KEY"),
        ({"ZENDESK_KEY_ID": ""}, "ZENDESK_KEY_ID"),
        ({"ZENDESK_SECRET": ""}, "ZENDESK_SECRET"),
        ({"ZENDESK_TOKEN_TTL": "0"}, "ZENDESK_TOKEN_TTL"),
        ({"ZENDESK_SECRET": f" {SECRET}"}, "ZENDESK_SECRET"),
        ({"WIDGETMW_TRUST_EMAILS": "perhaps"}, "WIDGETMW_TRUST_EMAILS"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        zendesk(**changes)
    assert SECRET not in str(caught.value)


def test_key_id_and_secret_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "kid").write_text(KEY_ID + "\n")
    files = {"ZENDESK_KEY_ID_FILE": str(tmp_path / "kid"), "ZENDESK_SECRET_FILE": str(tmp_path / "secret")}
    settings = Settings.from_env({"ZENDESK_WIDGET_KEY": "key-1", **files})
    assert settings.vendors[0].provider.mint(ADA, 1, 2) == zendesk().mint(ADA, 1, 2)


def test_the_key_is_part_of_the_loaders_url_and_of_nothing_else() -> None:
    assert zendesk(ZENDESK_WIDGET_KEY='a&b"/').script_urls() == (
        "https://static.zdassets.com/ekr/snippet.js?key=a%26b%22%2F",
    )


def test_a_policy_for_the_widget_has_the_documented_hosts() -> None:
    documented = {(each.directive, source) for each in zendesk().origins() for source in each.source.split()}
    assert {
        ("script-src", "https://*.zdassets.com"),
        ("connect-src", "wss://api.smooch.io"),
        ("style-src", "'unsafe-inline'"),
    } <= documented


def test_a_hostile_name_reaches_the_browser_only_encoded() -> None:
    name = '</script><script>alert(1)</script>\u2028"\U0001f600'
    user = User("42", name=name)
    assert re.fullmatch(r"[\w.-]+", zendesk().mint(user, 1, 2).value, re.ASCII)
    assert claims(user)["name"] == name
