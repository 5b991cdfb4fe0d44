"""HTTP Basic: the browser keeps the header to itself outside of the folder that has asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug import Request, Response

from tests.e2e.conftest import claims, serving
from widgetmw import Settings, User
from widgetmw.wsgi import WidgetMiddleware

SETTINGS = Settings.from_env({"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"})


@Request.application
def shop(request: Request) -> Response:
    if request.path.startswith("/orders/") and not request.authorization:
        return Response("Who are you?", 401, {"WWW-Authenticate": 'Basic realm="shop"'})
    return Response(
        "<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>", mimetype="text/html"
    )


def user_of(environ: dict[str, Any]) -> User | None:
    request = Request(environ)
    if name := request.cookies.get("session"):
        return User(name)
    authorization = request.authorization
    return User(authorization.username) if authorization and authorization.username else None


@pytest.fixture
def site() -> Iterator[tuple[str, list[tuple[str, bool, int]]]]:
    """The URL of the shop, and its requests: path, whether they had the header, and the status."""
    app, seen = WidgetMiddleware(shop, SETTINGS, user=user_of), []

    def record(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: Any, *rest: Any) -> Any:
            seen.append((environ["PATH_INFO"], "HTTP_AUTHORIZATION" in environ, int(status[:3])))
            return start_response(status, headers, *rest)

        return app(environ, start)

    with serving(record) as url:
        yield url, seen


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(http_credentials={"username": "ada", "password": "secret"})
    yield context.new_page()
    context.close()


def test_a_renewal_without_the_header_ends_no_conversation(site: Any, page: Page) -> None:
    url, seen = site
    page.goto(f"{url}/orders/5")
    assert claims(page)["external_id"] == "ada"
    assert page.evaluate("widgetmw.refresh('digitalgenius').then(() => 'renewed', () => 'failed')") == "failed"
    renewals = {request for request in seen if request[0].startswith("/_widgetmw/token")}
    assert renewals == {("/_widgetmw/token", False, 503)}
    assert claims(page)["external_id"] == "ada"


def test_a_public_page_beside_the_folder_ends_no_conversation(site: Any, page: Page) -> None:
    url, _ = site
    page.goto(f"{url}/orders/5")
    with page.expect_response("**/token*") as response:
        page.goto(url)
    assert response.value.status == 503
    assert [cookie["value"] for cookie in page.context.cookies(url)] == ["1"]  # the mark is still there
    page.goto(f"{url}/orders/5")
    assert claims(page)["external_id"] == "ada"


def test_a_user_of_a_session_who_has_opened_such_a_folder_can_sign_out(site: Any, page: Page) -> None:
    url, seen = site
    page.context.add_cookies([{"name": "session", "value": "eve", "url": url}])
    page.goto(f"{url}/orders/5")
    page.evaluate("widgetmw.refresh('digitalgenius')")
    page.context.clear_cookies(name="session")
    with page.expect_event("console", lambda message: message.text == "signed out"):
        page.evaluate("addEventListener('widgetmw:signedout', () => console.log('signed out'))")
        page.evaluate("void widgetmw.refresh('digitalgenius')")
    assert [status for path, _, status in seen if path.startswith("/_widgetmw/token")] == [200, 401, 401]
