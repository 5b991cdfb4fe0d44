"""Pages that the browser keeps, whoever is signed in: it may show a copy from before the sign-in."""

from __future__ import annotations

import pytest
from flask import Flask, Response, session
from playwright.sync_api import BrowserContext

from tests.e2e.conftest import claims, serving
from widgetmw import Settings, User
from widgetmw.flask import Widget

VENDOR = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}


def make_shop(delivery: str, vary: str) -> Flask:
    """A shop whose home page does not depend on the user, and may be kept for ten minutes."""
    app = Flask(__name__)
    app.secret_key = "k" * 32
    settings = Settings.from_env(VENDOR | {"WIDGETMW_DELIVERY": delivery})
    Widget(app, user=lambda: User(session["id"]) if "id" in session else None, settings=settings)

    @app.get("/")
    def home() -> Response:
        html = "<!doctype html><html><head><title>Shop</title></head><body>Hello</body></html>"
        headers = {"Cache-Control": "max-age=600"} | ({"Vary": vary} if vary else {})
        return Response(html, mimetype="text/html", headers=headers)

    @app.post("/sign-in")
    def sign_in() -> str:
        session["id"] = "ada"
        return "Welcome"

    @app.post("/sign-out")
    def sign_out() -> str:
        session.clear()
        return "Bye"

    return app


@pytest.mark.parametrize(("delivery", "vary"), [("inline", "Cookie"), ("fetch", "")])
def test_a_page_that_the_browser_keeps_follows_the_user(context: BrowserContext, delivery: str, vary: str) -> None:
    context.add_init_script("addEventListener('widgetmw:signedout', () => { window.ended = true; });")
    with serving(make_shop(delivery, vary)) as url:
        page = context.new_page()
        page.goto(url)
        assert claims(page) is None
        for action in "sign-in", "sign-out":
            page.evaluate("async (action) => { await (await fetch('/' + action, {method: 'POST'})).text(); }", action)
            page.goto(url)
            if action == "sign-in":
                page.wait_for_function("window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token")
                page.wait_for_function("document.cookie.includes('widgetmw_')")
        page.wait_for_function("window.ended")
        assert claims(page) is None
        page.close()
