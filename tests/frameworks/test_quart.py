"""Quart: sessions and hooks, pages and streams, the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import quart
import trio
from quart import Quart, g, session, stream_with_context
from quart.asgi import ASGIHTTPConnection
from quart.sessions import SecureCookieSessionInterface
from quart_rate_limiter import RateLimit, RateLimiter, rate_exempt
from werkzeug.exceptions import Unauthorized

from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, assert_endpoint_headers, user_in
from widgetmw import Settings, User, identify
from widgetmw.quart import Widget


async def member() -> User | None:
    return User(session["user_id"]) if "user_id" in session else None


def make() -> Quart:
    app = Quart("shop")
    app.secret_key = "x"

    @app.get("/")
    async def page() -> str:
        return HEAD

    @app.get("/in/<user_id>")
    async def sign_in(user_id: str) -> str:
        session["user_id"] = user_id
        return HEAD

    @app.get("/out")
    async def sign_out() -> str:
        session.clear()
        return HEAD

    return app


@pytest.fixture
def app(settings: Settings) -> Quart:
    app = make()
    Widget(app, settings, user=member)
    return app


def test_a_session_from_sign_in_to_sign_out(app: Quart) -> None:
    visitor = Visitor(app)
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
    assert user_in(visitor.get("/in/ada").text) == "ada", "the response that signs in"
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    assert_endpoint_headers(visitor.token())
    assert user_in(visitor.get("/in/eve").text) == "eve", "not the previous user"
    assert visitor.get("/out").text == HEAD
    assert visitor.token().status_code == 401


def test_the_resolver_sees_what_hooks_set(settings: Settings) -> None:
    app = make()
    Widget(app, settings, user=lambda: User(g.user_id))

    @app.before_request
    async def load() -> None:
        g.user_id = "ada"

    visitor = Visitor(app)
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


@pytest.mark.parametrize(("refusal", "status"), [((("", 302), {"Location": "/login"}), 401), (Unauthorized(), 401)])
def test_a_hook_that_refuses_means_anonymous(app: Quart, refusal: Any, status: int) -> None:
    @app.before_request
    async def guard() -> Any:
        if isinstance(refusal, Exception):
            raise refusal
        return refusal[0][0], refusal[0][1], refusal[1]

    reply = Visitor(app).token()
    assert reply.status_code == status
    assert_endpoint_headers(reply)


def test_a_hook_that_stops_a_signed_in_user_does_not_sign_them_out(app: Quart) -> None:
    @app.before_request
    async def terms() -> Any:
        return quart.redirect("/terms") if session and quart.request.path == ENDPOINT else None

    visitor = Visitor(app)
    assert user_in(visitor.get("/in/ada").text) == "ada"
    reply = visitor.token()
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    visitor.get("/out")
    assert visitor.token().status_code == 401


def test_a_failing_hook_makes_the_endpoint_return_503(app: Quart) -> None:
    @app.before_request
    async def fail() -> None:
        raise KeyError("x")

    reply = Visitor(app).token()
    assert reply.status_code == 503
    assert_endpoint_headers(reply)


def test_headers_from_hooks_do_not_reach_endpoint_responses(app: Quart) -> None:
    @app.after_request
    async def add(response: quart.Response) -> quart.Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.set_cookie("seen", "1")
        return response

    assert_endpoint_headers(Visitor(app).token())
    assert Visitor(app).get().headers["access-control-allow-origin"] == "*"


def test_a_token_request_does_not_extend_the_session(settings: Settings) -> None:
    saved = []

    class Interface(SecureCookieSessionInterface):
        async def save_session(self, app: Any, session: Any, response: Any) -> None:
            saved.append(self.should_set_cookie(app, session))
            await super().save_session(app, session, response)

    app = make()
    app.session_interface = Interface()
    Widget(app, settings, user=member)

    @app.before_request
    async def last() -> None:
        session.permanent = True

    visitor = Visitor(app)
    visitor.get("/in/ada")
    assert "set-cookie" in visitor.get().headers
    assert saved == [True, True]
    visitor.token()
    assert saved == [True, True]  # not even asked


def test_the_user_of_a_stream_is_resolved_while_its_session_exists(app: Quart) -> None:
    @app.get("/stream")
    async def stream() -> Any:
        @stream_with_context
        async def chunks() -> AsyncIterator[bytes]:
            yield HEAD.encode()
            yield session["user_id"].encode()

        return chunks(), {"Content-Type": "text/html"}

    visitor = Visitor(app)
    visitor.get("/in/ada")
    reply = visitor.get("/stream").text
    assert user_in(reply) == "ada"
    assert reply.endswith("ada")


def test_error_pages_are_injected(app: Quart) -> None:
    app.errorhandler(404)(lambda error: (HEAD, 404))
    app.errorhandler(500)(lambda error: (HEAD, 500))
    app.get("/fails")(lambda: 1 / 0)
    visitor = Visitor(app)
    visitor.get("/in/ada")
    for path, status in (("/nowhere", 404), ("/fails", 500)):
        reply = visitor.get(path)
        assert (reply.status_code, user_in(reply.text)) == (status, "ada")


def test_identify_overrides_the_resolver(app: Quart) -> None:
    @app.get("/as-eve")
    async def other() -> str:
        identify(quart.request.scope, User("eve"))
        return HEAD

    visitor = Visitor(app)
    visitor.get("/in/ada")
    assert user_in(visitor.get("/as-eve").text) == "eve"


def test_websockets_and_lifespan_pass_through(app: Quart) -> None:
    ran = []
    app.before_serving(lambda: ran.append("before"))
    app.after_serving(lambda: ran.append("after"))

    @app.websocket("/socket")
    async def socket() -> None:
        await quart.websocket.send("hello")

    async def talk() -> None:
        async with app.test_app() as running, running.test_client().websocket("/socket") as client:
            assert await client.receive() == "hello"

    asyncio.run(talk())
    assert ran == ["before", "after"]


def test_a_page_from_outside_the_app_is_skipped(app: Quart, caplog: pytest.LogCaptureFixture) -> None:
    inner: Any = app.asgi_app.app  # type: ignore[attr-defined]

    async def around(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/maintenance":
            await inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": HEAD.encode()})

    app.asgi_app.app = around  # type: ignore[attr-defined]
    assert Visitor(app).get("/maintenance").text == HEAD
    assert "around the Quart app" in caplog.text


TOKEN_SCOPE = {
    "type": "http",
    "method": "GET",
    "path": ENDPOINT,
    "root_path": "",
    "query_string": b"",
    "scheme": "http",
    "http_version": "1.1",
    "headers": [(b"host", b"a.example")],
    "asgi": {"version": "3.0"},
}


async def request_token(app: Quart, receive: Any, send: Any) -> None:
    """Requests a token, with a timeout of ten seconds."""
    await asyncio.wait_for(app(dict(TOKEN_SCOPE), receive, send), 10)  # type: ignore[arg-type]


def test_the_endpoint_responds_although_the_app_waits_for_the_disconnect(settings: Settings) -> None:
    """Quart itself has waited like this since 0.23."""
    app = make()
    inner: Any = app.asgi_app

    async def staying(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        while (await receive())["type"] != "http.disconnect":
            pass

    app.asgi_app = staying  # type: ignore[method-assign, assignment]
    Widget(app, settings, user=lambda: User("ada"))
    sent: list[Any] = []
    left = asyncio.Event()

    async def receive() -> Any:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            left.set()

    asyncio.run(request_token(app, receive, send))
    assert sent[0]["status"] == 200
    assert user_in(sent[1]["body"].decode()) == "ada"


def test_the_endpoint_ends_when_the_client_disconnects(settings: Settings) -> None:
    """Also if the app's response never ends."""
    app = make()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass

    app.asgi_app = endless  # type: ignore[method-assign, assignment]
    Widget(app, settings, user=lambda: User("ada"))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(request_token(app, receive, send))
    assert sent[0]["status"] != 200


@pytest.mark.parametrize("path", ["/_widgetmw/token", "/"])
def test_a_client_that_leaves_is_no_mistake_of_the_app(
    settings: Settings, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async def slow() -> User:
        started.set()
        await asyncio.sleep(30)
        return User("ada")

    app = make()
    Widget(app, settings, user=slow)
    started = asyncio.Event()

    async def receive() -> Any:
        await started.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    headers = [*TOKEN_SCOPE["headers"], (b"accept", b"text/html"), (b"cookie", b"session=1")]
    scope: Any = {**TOKEN_SCOPE, "path": path, "raw_path": path.encode(), "headers": headers}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    assert "widgetmw:" not in caplog.text


class TrioConnection(ASGIHTTPConnection):
    """What Quart-Trio has in place of Quart's connection."""

    async def __call__(self, receive: Any, send: Any) -> None:
        request = self._create_request_from_scope(send)
        await self._send_response(send, await self.app.handle_request(request))


def test_the_endpoint_responds_on_trio(settings: Settings) -> None:
    app = make()
    app.asgi_http_class = TrioConnection

    async def user() -> User:
        return User("ada")

    Widget(app, settings, user=user)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def request() -> None:
        with trio.fail_after(60):
            await app(dict(TOKEN_SCOPE), trio.sleep_forever, send)  # type: ignore[arg-type]

    trio.run(request)
    assert sent[0]["status"] == 200
    assert user_in(sent[1]["body"].decode()) == "ada"


def test_an_app_factory_with_its_own_configuration(dg_env: dict[str, str]) -> None:
    widget = Widget(user=member)
    for path in ("/one", "/two"):
        app = make()
        app.config.update(dg_env, WIDGETMW_PATH=path)
        widget.init_app(app)
        visitor = Visitor(app)
        visitor.get("/in/ada")
        assert user_in(visitor.get(f"{path}/token").text) == "ada"
        assert visitor.get(ENDPOINT).status_code == 404


def test_mistakes_in_the_installation_are_rejected_at_startup(settings: Settings) -> None:
    for user in ("ada", lambda request: None):
        with pytest.raises(TypeError, match="without arguments"):
            Widget(make(), settings, user=user)  # type: ignore[arg-type]
    app = make()
    Widget(app, settings, user=member)
    with pytest.raises(RuntimeError, match="already"):
        Widget(app, settings, user=member)


def test_an_app_with_host_matching_has_the_endpoint_on_every_host(settings: Settings) -> None:
    app = Quart("shop", host_matching=True, static_host="static.example")
    app.secret_key = "x"
    app.get("/", host="app.example")(lambda: HEAD)
    Widget(app, settings, user=lambda: User("ada"))
    assert user_in(Visitor(app).token().text) == "ada"


PROXY = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}


def test_an_app_with_subdomain_matching_has_the_endpoint_on_every_subdomain(settings: Settings) -> None:
    app = Quart("shop", subdomain_matching=True)
    app.config["SERVER_NAME"] = "app.example"
    Widget(app, settings, user=lambda: User("ada"))
    for host in ("app.example", "north.app.example"):
        reply = Visitor(app).token(host=host)
        assert (reply.status_code, user_in(reply.text)) == (200, "ada")


def test_no_resolver_is_needed_behind_an_authenticating_proxy(dg_env: dict[str, str]) -> None:
    app = make()
    Widget(app, Settings.from_env({**dg_env, **PROXY}))
    visitor = Visitor(app)
    assert user_in(visitor.get(Remote_User="ada").text) == user_in(visitor.token(Remote_User="ada").text) == "ada"
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401


def test_a_session_of_the_apps_own_kind_needs_no_attributes_of_quarts(settings: Settings) -> None:
    class Cookies(dict[str, str]):
        __slots__ = ("accessed",)  # which Quart sets since 0.23

    class Interface(SecureCookieSessionInterface):
        async def open_session(self, app: Any, request: Any) -> Any:
            return Cookies(request.cookies)

        async def save_session(self, app: Any, session: Any, response: Any) -> None:
            pass

    app = make()
    app.session_interface = Interface()
    Widget(app, settings, user=member)
    visitor = Visitor(app)
    assert visitor.token().status_code == 401
    visitor.cookies.set("user_id", "ada")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


@pytest.mark.parametrize("is_exempt", [True, False])
def test_quart_rate_limiter_does_not_limit_an_exempt_endpoint(
    app: Quart, caplog: pytest.LogCaptureFixture, is_exempt: bool
) -> None:
    RateLimiter(app, default_limits=[RateLimit(1, timedelta(days=1))])
    if is_exempt:
        rate_exempt(app.view_functions["widgetmw"])
    visitor = Visitor(app)
    visitor.get("/in/ada")
    assert user_in(visitor.token().text) == "ada"
    reply = visitor.token()
    assert reply.status_code == (200 if is_exempt else 503)
    assert_endpoint_headers(reply)
    assert ("let requests for tokens through" in caplog.text) is not is_exempt
