"""What Intercom's token says, against vectors that OpenSSL and node have confirmed, and what its class refuses."""

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
ENV = {"INTERCOM_APP_ID": "app-1", "INTERCOM_SECRET": SECRET}
ADA = User("42", name="Ada", email="Ada@Example.org")


def intercom(**changes: str) -> Provider:
    (vendor,) = Settings.from_env({**ENV, **changes}).vendors
    return vendor.provider


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def test_the_token_is_that_of_the_vector() -> None:
    token = intercom().mint(ADA, 1767225600, 1767226200).value
    header, payload, signature = token.split(".")
    assert urlsafe_b64decode(header + "==") == b'{"alg":"HS256","typ":"JWT"}'
    assert urlsafe_b64decode(payload + "==") == (
        b'{"user_id":"42","email":"Ada@Example.org","name":"Ada","iat":1767225600,"exp":1767226200}'
    )
    assert signature == "4NKxSe8TUJT-VVsIkPKujVJ4g7NBNs4Ub6GH1fy_0Lk"


def test_a_user_without_email_and_name_is_served_by_the_id_as_text() -> None:
    assert claims(intercom().mint(User(42), 1, 2).value) == {"user_id": "42", "iat": 1, "exp": 2}
    assert intercom().cannot_serve(User(42)) == ""


def test_attributes_keep_their_types_and_never_override_a_claim() -> None:
    user = User(
        "42", attributes={"plan": "gold", "seats": 3, "trial": False, "user_id": "1", "email": "eve@x", "exp": 9}
    )
    found = claims(intercom().mint(user, 1, 2).value)
    assert found == {"plan": "gold", "seats": 3, "trial": False, "user_id": "42", "iat": 1, "exp": 2}


def test_the_lifetime_is_an_hour_unless_it_is_set() -> None:
    assert [intercom().lifetime, intercom(INTERCOM_TOKEN_TTL="600").lifetime] == [3600, 600]


@pytest.mark.parametrize(
    ("region", "config"),
    [
        ("us", {}),
        ("eu", {"api_base": "https://api-iam.eu.intercom.io"}),
        ("au", {"api_base": "https://api-iam.au.intercom.io"}),
    ],
)
def test_the_region_chooses_the_address_of_the_api(region: str, config: dict[str, str]) -> None:
    provider = intercom(INTERCOM_REGION=region)
    assert provider.browser_config() == {"app_id": "app-1", **config}
    connect = " ".join(origin.source for origin in provider.origins() if origin.directive == "connect-src").split()
    assert [source for source in connect if source.startswith("https://api-iam.")] == [
        config.get("api_base", "https://api-iam.intercom.io")
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"INTERCOM_SECRET": ""}, "INTERCOM_SECRET"),
        ({"INTERCOM_APP_ID": ""}, "INTERCOM_APP_ID"),
        ({"INTERCOM_REGION": "ap"}, "INTERCOM_REGION"),
        ({"INTERCOM_TOKEN_TTL": "0"}, "INTERCOM_TOKEN_TTL"),
        ({"INTERCOM_SECRET": f'"{SECRET}"'}, "INTERCOM_SECRET"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        intercom(**changes)
    assert SECRET not in str(caught.value)


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = Settings.from_env({"INTERCOM_APP_ID": "app-1", "INTERCOM_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.vendors[0].provider.mint(ADA, 1, 2) == intercom().mint(ADA, 1, 2)


def test_a_sign_out_expires_the_cookie_of_the_session() -> None:
    assert intercom().cookies() == ("intercom-session-app-1",)


def test_the_loader_is_that_of_the_workspace() -> None:
    assert intercom().script_urls() == ("https://widget.intercom.io/widget/app-1",)


def test_a_lifetime_whose_renewals_exceed_the_limit_of_updates_is_warned_of() -> None:
    assert intercom().warnings() == ()
    (warning,) = intercom(INTERCOM_TOKEN_TTL="60").warnings()
    assert "INTERCOM_TOKEN_TTL is 60" in warning


def test_a_hostile_name_reaches_the_page_only_encoded() -> None:
    name = '</script><script>alert(1)</script>\u2028"\U0001f600'
    token = intercom().mint(User("42", name=name), 1, 2).value
    assert re.fullmatch(r"[\w.-]+", token, re.ASCII)
    assert claims(token)["name"] == name
