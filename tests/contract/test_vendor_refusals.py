"""Users whom a vendor cannot serve, and the cookies of vendors that a sign-out expires."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Make
from tests.contract.site import ADA
from tests.contract.test_delivery import page_data
from tests.contract.test_endpoint import TOKEN, assert_endpoint_headers
from widgetmw import User

CRISP = {"CRISP_WEBSITE_ID": "site-1", "CRISP_SECRET": "widgetmw-test-secret-0123456789abcdef"}
SIGNATURE = "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac"
COOKIE = "crisp-client/session/site-1=; Path=/; Max-Age=0"
UNVERIFIED = User("ada-1", email="Ada@Example.org")
VERIFIED = User("ada-1", email="Ada@Example.org", email_verified=True)


@pytest.mark.parametrize(("user", "code"), [(ADA, "email_missing"), (UNVERIFIED, "email_unverified")])
def test_a_vendor_that_cannot_serve_the_user_costs_no_other_vendor(make: Make, user: User, code: str) -> None:
    site = make(user=user, **CRISP)
    data = page_data(site.get())
    assert data["vendors"]["digitalgenius"]["token"]["token"]
    assert data["vendors"]["crisp"] == {"config": {"websiteId": "site-1"}}
    assert data["errors"] == {"crisp": code}
    reply = site.get(TOKEN)
    assert (reply.status, list(reply.json["tokens"]), reply.json["errors"]) == (200, ["digitalgenius"], {"crisp": code})
    refused = site.get(f"{TOKEN}/crisp")
    assert (refused.status, refused.json["error"]) == (409, code)
    assert_endpoint_headers(refused)


@pytest.mark.parametrize(("user", "trusts"), [(UNVERIFIED, "true"), (VERIFIED, "false")])
def test_an_email_that_is_vouched_for_is_signed(make: Make, user: User, trusts: str) -> None:
    site = make(user=user, **CRISP, WIDGETMW_TRUST_EMAILS=trusts)
    data = page_data(site.get())
    assert "errors" not in data
    assert data["vendors"]["crisp"]["token"]["token"] == SIGNATURE
    token = site.get(f"{TOKEN}/crisp").json
    assert (token["token"], token["email"], token["expires_at"]) == (SIGNATURE, "Ada@Example.org", None)


def test_only_the_request_of_a_browser_that_signs_out_expires_the_cookies_of_vendors(make: Make) -> None:
    site = make(user=None, **CRISP, WIDGETMW_COOKIE_DOMAIN="shop.example")
    reply = site.get(TOKEN)
    assert (reply.status, reply.all("Set-Cookie")) == (401, [])
    reply = site.get(f"{TOKEN}?signout")
    assert reply.status == 401
    assert_endpoint_headers(reply)
    assert reply.all("Set-Cookie") == [COOKIE, f"{COOKIE}; Domain=shop.example"]


def test_an_image_that_looks_like_a_sign_out_leaves_the_cookies_of_anonymous_visitors(make: Make) -> None:
    reply = make(user=None, **CRISP).get(f"{TOKEN}?signout", Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="image")
    assert (reply.status, reply.all("Set-Cookie")) == (401, [])


def test_a_user_who_is_signed_in_again_keeps_the_cookies(make: Make) -> None:
    reply = make(user=VERIFIED, **CRISP).get(f"{TOKEN}?signout")
    assert (reply.status, reply.all("Set-Cookie")) == (200, [])
