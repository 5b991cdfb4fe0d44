"""The sample site behind the middleware, without a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import Client

from tests.demo.conftest import sign_in
from widgetmw.core.http.mark import mark_name
from widgetmw.demo import create_app, keys
from widgetmw.demo.catalogue import VENDORS
from widgetmw.demo.people import PEOPLE
from widgetmw.demo.sessions import COOKIE

PAGES = ["/", *(f"/{vendor}" for vendor in VENDORS), "/decisions"]


def tokens(client: Client) -> dict[str, Any]:
    response = client.get("/_widgetmw/token", headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 200
    tokens_by_vendor: dict[str, Any] = response.get_json()["tokens"]
    return tokens_by_vendor


@pytest.mark.parametrize("page", PAGES)
def test_an_anonymous_page_is_not_modified(client: Client, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    assert "data-widgetmw " not in response.text
    assert "/_widgetmw/" not in response.text
    assert response.headers["X-Widgetmw"].startswith("skipped")


@pytest.mark.parametrize("page", PAGES)
def test_a_signed_in_page_carries_the_tokens(client: Client, page: str) -> None:
    sign_in(client)
    response = client.get(page)
    assert response.headers["X-Widgetmw"] == "injected"
    assert tokens(client)["hissuno"]["token"] in response.text


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_verifies_every_person(client: Client, person: str, vendor: str) -> None:
    sign_in(client, person)
    user = PEOPLE[person].user
    if VENDORS[vendor].needs_email and not user.email:
        assert vendor not in tokens(client)
        assert "this user has none" in client.get(f"/{vendor}").text
        return
    verdict = client.post(f"/vendor/{vendor}/verify", data=tokens(client)[vendor]).get_json()
    assert verdict["verified"], verdict["error"]
    claims = verdict["claims"]
    ids = {claims.get(name) for name in ("external_id", "userId", "identifier", "name", "username")}
    assert ids & {user.id, user.name}


@pytest.mark.parametrize("person", PEOPLE)
def test_giosg_verifies_the_signed_url_of_every_person(client: Client, person: str) -> None:
    sign_in(client, person)
    url = tokens(client)["giosg"]["url"]
    assert client.post("/vendor/giosg/verify-url", data={"url": url}).get_json()["verified"]
    room = client.get("/vendor/giosg/room", query_string={"url": url})
    assert "URL verified for" in room.text
    assert "frame-ancestors 'self'" in room.headers["Content-Security-Policy"]


def test_the_room_rejects_an_altered_url(client: Client) -> None:
    sign_in(client)
    url = tokens(client)["giosg"]["url"].replace("Ada", "Eve")
    assert "Bad signature" in client.get("/vendor/giosg/room", query_string={"url": url}).text


def test_a_name_that_looks_like_markup_stays_text(client: Client) -> None:
    sign_in(client, "zoe")
    for page in PAGES:
        text = client.get(page).text
        assert "Zoë &lt;/script&gt;&lt;b&gt;" in text
        assert "</script><b>" not in text
        assert "<img src=x" not in text


def test_the_session_cookie_is_http_only_and_same_site(client: Client) -> None:
    response = client.post("/sign-in", data={"person": "ada"})
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("/orlo", "/orlo"), ("/", "/"), ("//evil.example", "/"), ("https://evil.example/", "/"), ("", "/")],
)
def test_signing_in_redirects_only_to_a_page_of_the_site(client: Client, wanted: str, given: str) -> None:
    response = client.post("/sign-in", data={"person": "ada", "next": wanted})
    assert (response.status_code, response.headers["Location"]) == (303, given)


def test_a_trailing_slash_serves_the_same_page(client: Client) -> None:
    assert client.get("/inspect/orlo/").status_code == 404
    text = client.get("/orlo/").text
    assert re.search(r"aria-current=\"page\">Orlo", text)
    assert 'value="/orlo"' in text


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/vendor/orlo/verify"])
def test_a_form_from_another_site_is_rejected(client: Client, headers: dict[str, str], path: str) -> None:
    response = client.post(path, data={"person": "ada"}, headers=headers)
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


def test_a_form_from_this_site_is_accepted_with_either_header(client: Client) -> None:
    for headers in (
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://other"},
    ):
        assert client.post("/sign-in", data={"person": "ada"}, headers=headers).status_code == 303


def test_signing_out_invalidates_copies_of_the_cookie(client: Client) -> None:
    sign_in(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert client.post("/sign-out", data={"next": "/orlo"}).headers["Location"] == "/orlo"
    assert client.get_cookie(COOKIE) is None
    client.set_cookie(COOKIE, cookie.value)
    assert client.get("/_widgetmw/token").status_code == 401


def test_pages_after_a_sign_out_carry_the_runtime_until_the_mark_is_gone(client: Client) -> None:
    sign_in(client)
    mark = mark_name("/_widgetmw", "localhost")
    client.set_cookie(mark, "1")  # as the runtime does
    client.post("/sign-out")
    response = client.get("/orlo")
    assert "carries the runtime without a token" in response.text
    assert "data-widgetmw" in response.text
    assert "eyJ" not in response.text
    client.delete_cookie(mark)
    assert "byte for byte: no token" in client.get("/orlo").text


def test_switching_users_ends_the_previous_session(client: Client) -> None:
    sign_in(client)
    before = client.get_cookie(COOKIE)
    assert before is not None
    sign_in(client, "guest")
    client.set_cookie(COOKIE, before.value)
    assert client.get("/_widgetmw/token").status_code == 401


def test_an_unknown_user_cannot_sign_in(client: Client) -> None:
    response = client.post("/sign-in", data={"person": "admin"})
    assert response.status_code == 404
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("page", PAGES)
def test_every_script_has_the_nonce_of_the_csp(client: Client, page: str) -> None:
    sign_in(client)
    first, second = client.get(page), client.get(page)
    policy = first.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)';", policy)
    assert nonce
    assert nonce[1] not in second.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script\b[^>]*>", first.text)
    assert len(scripts) >= 2
    assert all(f'nonce="{nonce[1]}"' in tag for tag in scripts)
    assert "unsafe" not in policy
    assert " style=" not in first.text


def test_no_page_loads_from_another_host(client: Client) -> None:
    sign_in(client)
    for page in PAGES:
        sources = re.findall(r'\s(?:src|href|action)="([^"]*)"', client.get(page).text)
        assert sources
        assert all(source.startswith(("/", "#")) and not source.startswith("//") for source in sources)


def test_no_response_contains_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[keys.Keys] = []
    new = keys.Keys.__init__

    def remember(self: keys.Keys, *arguments: Any, **named: Any) -> None:
        new(self, *arguments, **named)
        made.append(self)

    monkeypatch.setattr(keys.Keys, "__init__", remember)
    client = Client(create_app())
    sign_in(client)
    (account,) = made
    secrets = [account.dg_api_secret, account.hissuno_secret_key, account.giosg_signing_key, "PRIVATE KEY"]
    secrets += [account.chatwoot_hmac_token, account.crisp_secret]
    secrets += [account.helpscout_secret, account.tawk_secret, account.front_secret]
    paths = [
        *PAGES,
        *(f"/inspect{page}" for page in PAGES),
        "/inspect/sample",
        "/_widgetmw/token",
        "/vendor/giosg/room",
    ]
    for path in paths:
        text = client.get(path).text
        assert not [secret for secret in secrets if secret in text]
    assert not [secret for secret in secrets if secret in repr(account)]


def test_static_files_have_their_type_and_are_revalidated(client: Client) -> None:
    for name, kind in (
        ("site.css", "text/css"),
        ("panel.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        response = client.get(f"/static/{name}")
        assert response.mimetype == kind
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        again = client.get(f"/static/{name}", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["/static/../site.py", "/static/%2e%2e/site.py", "/static/", "/nowhere", "/%00"])
def test_an_unknown_path_gets_an_error_page(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "Back to the overview" in response.text


def test_a_wrong_method_gets_the_allowed_ones(client: Client) -> None:
    response = client.get("/sign-out")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_huge_form_is_rejected(client: Client) -> None:
    assert client.post("/vendor/orlo/verify", data={"token": "x" * 20_000}).status_code == 413


def test_every_person_has_a_label_and_initials() -> None:
    assert {person.label for person in PEOPLE.values()} >= {"Ada Okafor", "guest-7f3a"}
    assert [person.initials for person in PEOPLE.values()] == ["AO", "Z", "لح", "G"]
