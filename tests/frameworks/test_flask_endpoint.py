"""Flask: the endpoint behind the app's hooks; it must not extend the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, abort, redirect, request, session, url_for
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.frameworks.flask_app import PAGE, make, member, serve, signed_in, token
from tests.frameworks.visitor import ENDPOINT, HEAD, assert_endpoint_headers, user_in
from widgetmw import Settings, User
from widgetmw.flask import Widget
from widgetmw.wsgi import WidgetMiddleware

LOGIN_WALLS: dict[str, Callable[[], Any]] = {
    "redirect": lambda: redirect("/login?next=/_widgetmw/token"),
    "page": lambda: HEAD + "Please sign in.",
    "401": lambda: abort(401),
    "403": lambda: Response("no", 403),
    "429": lambda: Response(status=429),
    "503": lambda: (HEAD + "Down for maintenance", 503),
    "https": lambda: redirect("https://localhost/_widgetmw/token", 308),
    "broken": lambda: [][1],
}


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        ("redirect", 401),
        ("page", 401),
        ("401", 401),
        ("403", 401),
        ("429", 503),
        ("503", 503),
        ("https", 503),
        ("broken", 503),
    ],
)
def test_the_endpoint_keeps_its_own_responses_behind_a_login_wall(
    settings: Settings, refusal: str, status: int
) -> None:
    app = make()

    @app.before_request
    def login_wall() -> Any:
        if not session and request.endpoint != "sign_in":
            return LOGIN_WALLS[refusal]()
        return None

    Widget(app, settings, user=member)
    client = app.test_client()
    reply = token(client)
    assert reply.status_code == status
    assert_endpoint_headers(reply)
    assert reply.json["error"] == {401: "not_authenticated", 503: "token_unavailable"}[status]
    client.get("/in/ada")
    assert user_in(token(client).text) == "ada"


@pytest.mark.parametrize("answer", ["redirect", "page"])
def test_a_hook_that_stops_a_signed_in_user_does_not_sign_them_out(settings: Settings, answer: str) -> None:
    app = make()

    @app.before_request
    def terms() -> Any:
        return LOGIN_WALLS[answer]() if session and request.endpoint == "widgetmw.token" else None

    client = signed_in(app, settings)
    reply = token(client)
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    client.get("/out")
    assert token(client).status_code == 401


def test_a_token_request_does_not_extend_a_permanent_session(settings: Settings) -> None:
    app = make()

    @app.before_request
    def permanent() -> None:
        session.permanent = True
        session["seen"] = request.path

    client = signed_in(app, settings)
    assert "Set-Cookie" in client.get("/").headers
    assert_endpoint_headers(token(client))
    with client.session_transaction() as kept:
        assert kept.permanent
        assert kept["seen"] == "/"


class StoredSession(dict[str, Any], SessionMixin):
    modified = False

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.modified = True


class Store(SessionInterface):
    """Server-side sessions in memory, like Flask-Session; counts the saves."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.saved = 0

    def open_session(self, app: Flask, request: Any) -> StoredSession:
        return StoredSession(self.stored)

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        if self.should_set_cookie(app, session):
            self.saved += 1
            self.stored = dict(session)


def test_a_token_request_does_not_extend_a_server_side_session(settings: Settings) -> None:
    app = make()
    store = app.session_interface = Store()

    @app.before_request
    def permanent() -> None:
        session.permanent = True

    client = signed_in(app, settings)
    client.get("/")
    before = store.saved
    assert before > 0
    assert user_in(token(client).text) == "ada"
    assert store.saved == before
    assert store.stored == {"_permanent": True, "user_id": "ada"}


def test_the_endpoint_works_without_a_secret_key(settings: Settings) -> None:
    app = make(SECRET_KEY=None)
    client = signed_in(app, settings, lambda: User("ada"))
    assert user_in(token(client).text) == "ada"


def test_hooks_do_not_affect_endpoint_responses(settings: Settings) -> None:
    app = make()

    @app.before_request
    def guard() -> Any:
        return ("no CSRF token", 400) if request.method == "POST" else None

    @app.after_request
    def decorate(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.set_cookie("seen", "1")
        response.add_etag()
        return response.make_conditional(request)

    client = signed_in(app, settings)
    etag = client.get("/in/ada").headers["ETag"]
    replies = [token(client, **headers) for headers in ({}, {"If_None_Match": "*"}, {"Range": "bytes=0-1"})]
    for reply in (*replies, client.post(ENDPOINT)):
        assert user_in(reply.text) == "ada"
        assert_endpoint_headers(reply)
    assert client.head(ENDPOINT).status_code == 200
    assert client.get("/in/ada", headers={"If-None-Match": etag}).status_code == 304


def test_a_hook_that_forbids_the_response_signs_nobody_out(settings: Settings) -> None:
    app = make()

    @app.after_request
    def refuse(response: Response) -> Response:
        return Response("no", 403) if request.path == ENDPOINT else response

    reply = token(signed_in(app, settings))
    assert reply.status_code == 503
    assert user_in(reply.text) is None


def test_the_endpoint_has_a_name_and_the_root_path(settings: Settings) -> None:
    app = make()
    serve(app, where=lambda: url_for("widgetmw.token"))
    Widget(app, settings, user=lambda: User("ada"))
    client = Client(DispatcherMiddleware(lambda environ, start: [], {"/shop": app}))
    assert client.get("/shop/where").text == "/shop/_widgetmw/token"
    page = client.get("/shop/").text
    assert '"/shop/_widgetmw/token"' in page
    assert user_in(client.get("/shop/_widgetmw/token").text) == user_in(page) == "ada"


@pytest.mark.parametrize("options", [{"host_matching": True, "static_host": "a.example"}, {"subdomain_matching": True}])
def test_the_endpoint_exists_on_every_host(settings: Settings, options: dict[str, Any]) -> None:
    app = Flask("hosts", **options)
    app.config["SERVER_NAME"] = "shop.example"
    Widget(app, settings, user=lambda: User("ada"))
    client = app.test_client()
    for host in ("shop.example", "sub.shop.example"):
        assert user_in(client.get(ENDPOINT, base_url=f"http://{host}").text) == "ada"


def test_cross_site_requests_do_not_reach_the_app(settings: Settings) -> None:
    app = make()
    app.before_request(lambda: abort(500))
    Widget(app, settings, user=member)
    reply = token(app.test_client(), Sec_Fetch_Site="cross-site")
    assert (reply.status_code, reply.json["error"]) == (403, "cross_site")


def test_when_disabled_there_is_no_endpoint(dg_env: dict[str, str]) -> None:
    app = make()
    Widget(app, Settings.from_env({**dg_env, "WIDGETMW_ENABLED": "false"}), user=member)
    client = app.test_client()
    client.get("/in/ada")
    assert client.get("/").text == PAGE
    assert client.get(ENDPOINT).status_code == 404


def test_a_propagated_exception_is_503(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = make(PROPAGATE_EXCEPTIONS=True)
    app.before_request(lambda: [][1])
    Widget(app, settings, user=member)
    reply = token(app.test_client())
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    assert "IndexError at frameworks/test_flask_endpoint.py" in caplog.text


def test_inside_another_middleware_there_is_no_second_endpoint(dg_env: dict[str, str]) -> None:
    app = make()
    Widget(app, Settings.from_env(dg_env), user=lambda: User("inner"))
    outer = Settings.from_env({**dg_env, "WIDGETMW_PATH": "/outer"})
    client = Client(WidgetMiddleware(app, outer, user=lambda environ: User("outer")))
    assert user_in(client.get("/").text) == user_in(client.get("/outer/token").text) == "outer"
    assert client.get(ENDPOINT).status_code == 404


def test_a_session_of_the_apps_own_kind_needs_no_attributes_of_flasks(settings: Settings) -> None:
    class OwnSession(dict[str, Any]):
        """Has no ``permanent``, as those of Beaker."""

    class Interface(SessionInterface):
        def open_session(self, app: Flask, request: Any) -> Any:
            return OwnSession(request.cookies)

        def save_session(self, app: Flask, session: Any, response: Response) -> None:
            pass

    app = Flask("shop")
    app.session_interface = Interface()
    app.get("/")(lambda: HEAD)
    Widget(app, settings, user=lambda: User(session["id"]) if "id" in session else None)
    client = app.test_client()
    assert client.get(ENDPOINT).status_code == 401
    client.set_cookie("id", "ada")
    assert user_in(client.get("/").text) == user_in(client.get(ENDPOINT).text) == "ada"
