"""WSGI: packages that need a line of docs/packages.md."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from tests.conftest import skip_or_fail
from tests.frameworks.visitor import ENDPOINT, HEAD, assert_endpoint_headers, packages_snippet, user_in
from widgetmw import Settings
from widgetmw.wsgi import WidgetMiddleware


class SignIn:
    """An authenticator that believes the ticket, and a challenger that sends everybody to a page."""

    def authenticate(self, environ: Any, identity: Any) -> Any:
        return identity.get("repoze.who.plugins.auth_tkt.userid")

    def challenge(self, environ: Any, status: str, app_headers: Any, forget_headers: Any) -> Any:
        def sign_in(environ: Any, start_response: Any) -> list[bytes]:
            start_response("302 Found", [("Location", "/sign-in"), *forget_headers])
            return [b""]

        return sign_in


def shop(environ: Any, start_response: Any) -> list[bytes]:
    ticket = environ["repoze.who.plugins"]["ticket"]
    change = {
        "/in": lambda: ticket.remember(environ, {"repoze.who.userid": environ["QUERY_STRING"]}),
        "/out": lambda: ticket.forget(environ, {"repoze.who.userid": ""}),
    }.get(environ["PATH_INFO"], list)
    status = "401 Unauthorized" if environ["PATH_INFO"] == "/orders" and "REMOTE_USER" not in environ else "200 OK"
    start_response(status, [("Content-Type", "text/html"), *change()])
    return [HEAD.encode()]


@pytest.fixture
def client(settings: Settings) -> Client:
    try:
        from repoze.who.classifiers import default_request_classifier
        from repoze.who.middleware import PluggableAuthenticationMiddleware
        from repoze.who.plugins.auth_tkt import AuthTktCookiePlugin
    except ImportError:
        skip_or_fail("repoze.who is not installed, and this test runs the real one")
    namespace: dict[str, Any] = {}
    exec(packages_snippet("repoze.who"), namespace)
    ticket, sign_in = AuthTktCookiePlugin("x" * 32, "ticket"), SignIn()
    app = PluggableAuthenticationMiddleware(
        WidgetMiddleware(shop, settings),
        identifiers=[("ticket", ticket)],
        authenticators=[("sign in", sign_in)],
        challengers=[("sign in", sign_in)],
        mdproviders=[],
        classifier=default_request_classifier,
        challenge_decider=namespace["challenge_decider"],
    )
    return Client(app)


def test_the_token_endpoint_behind_repoze_who_tells_a_sign_out(client: Client) -> None:
    for name in ("ada", "eve"):
        client.get(f"/in?{name}")
        assert user_in(client.get("/").text) == user_in(client.get(ENDPOINT).text) == name
    client.get("/out")
    assert user_in(client.get("/").text) is None
    reply = client.get(ENDPOINT)
    assert reply.status_code == 401
    assert_endpoint_headers(reply)
    assert client.get("/orders").status_code == 302  # the site's own challenge
