"""Quart: sessions and hooks, pages and streams, the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import quart
from quart import Quart, g, session, stream_with_context
from quart.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import Unauthorized

from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, exact, whose
from widgetmw import Settings, User, identify
from widgetmw.quart import Widget


async def member() -> User | None:
    return User(session["person"]) if "person" in session else None


def make() -> Quart:
    app = Quart("shop")
    app.secret_key = "x"

    @app.get("/")
    async def page() -> str:
        return HEAD

    @app.get("/in/<person>")
    async def sign_in(person: str) -> str:
        session["person"] = person
        return HEAD

    @app.get("/out")
    async def sign_out() -> str:
        session.clear()
        return HEAD

    return app


@pytest.fixture
def app(settings: Settings) -> Quart:
    made = make()
    Widget(made, settings, user=member)
    return made


def test_a_session_from_sign_in_to_sign_out(app: Quart) -> None:
    visitor = Visitor(app)
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
    assert whose(visitor.get("/in/ada").text) == "ada", "the page of the sign-in itself"
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"
    exact(visitor.token())
    assert whose(visitor.get("/in/eve").text) == "eve", "never of who was signed in before"
    assert visitor.get("/out").text == HEAD
    assert visitor.token().status_code == 401


def test_what_hooks_set_is_there_for_pages_and_for_the_endpoint(settings: Settings) -> None:
    app = make()
    Widget(app, settings, user=lambda: User(g.person))

    @app.before_request
    async def load() -> None:
        g.person = "ada"

    visitor = Visitor(app)
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"


@pytest.mark.parametrize(("answer", "status"), [((("", 302), {"Location": "/login"}), 401), (Unauthorized(), 401)])
def test_a_hook_that_refuses_means_nobody(app: Quart, answer: Any, status: int) -> None:
    @app.before_request
    async def guard() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer[0][0], answer[0][1], answer[1]

    reply = Visitor(app).token()
    assert reply.status_code == status
    exact(reply)


def test_a_hook_that_fails_closes_the_endpoint(app: Quart) -> None:
    @app.before_request
    async def fail() -> None:
        raise KeyError("x")

    reply = Visitor(app).token()
    assert reply.status_code == 503
    exact(reply)


def test_what_hooks_add_to_the_answer_is_kept_away_from_the_endpoint(app: Quart) -> None:
    @app.after_request
    async def add(response: quart.Response) -> quart.Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.set_cookie("seen", "1")
        return response

    exact(Visitor(app).token())
    assert Visitor(app).get().headers["access-control-allow-origin"] == "*"


def test_asking_for_a_token_does_not_prolong_the_session(settings: Settings) -> None:
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
    assert saved == [True, True, False]


def test_a_stream_is_asked_for_while_its_session_is_there(app: Quart) -> None:
    @app.get("/stream")
    async def stream() -> Any:
        @stream_with_context
        async def pieces() -> AsyncIterator[bytes]:
            yield HEAD.encode()
            yield session["person"].encode()

        return pieces(), {"Content-Type": "text/html"}

    visitor = Visitor(app)
    visitor.get("/in/ada")
    reply = visitor.get("/stream").text
    assert whose(reply) == "ada"
    assert reply.endswith("ada")


def test_error_pages_get_their_token(app: Quart) -> None:
    app.errorhandler(404)(lambda error: (HEAD, 404))
    app.errorhandler(500)(lambda error: (HEAD, 500))
    app.get("/fails")(lambda: 1 / 0)
    visitor = Visitor(app)
    visitor.get("/in/ada")
    for path, status in (("/nowhere", 404), ("/fails", 500)):
        reply = visitor.get(path)
        assert (reply.status_code, whose(reply.text)) == (status, "ada")


def test_the_last_word_of_the_app_outranks_the_resolver(app: Quart) -> None:
    @app.get("/as-eve")
    async def other() -> str:
        identify(quart.request.scope, User("eve"))
        return HEAD

    visitor = Visitor(app)
    visitor.get("/in/ada")
    assert whose(visitor.get("/as-eve").text) == "eve"


def test_websockets_and_lifespan_pass(app: Quart) -> None:
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


def test_a_page_from_around_the_app_is_left_alone(app: Quart, caplog: pytest.LogCaptureFixture) -> None:
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


async def asked(app: Quart, receive: Any, send: Any) -> None:
    """Asks the endpoint, for ten seconds at most."""
    scope = {"type": "http", "method": "GET", "path": ENDPOINT, "root_path": "", "query_string": b"", "scheme": "http"}
    scope |= {"http_version": "1.1", "headers": [(b"host", b"a.example")], "asgi": {"version": "3.0"}}
    await asyncio.wait_for(app(scope, receive, send), 10)  # type: ignore[arg-type]


def test_the_endpoint_answers_where_the_app_stays_until_the_client_has_left(settings: Settings) -> None:
    """As Quart does from 0.23 on."""
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

    asyncio.run(asked(app, receive, send))
    assert sent[0]["status"] == 200
    assert whose(sent[1]["body"].decode()) == "ada"


def test_the_endpoint_does_not_outlast_a_client_that_has_left(settings: Settings) -> None:
    """Where the app's answer has no end, as with a time limit of Quart's on a stream."""
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

    asyncio.run(asked(app, receive, send))
    assert sent[0]["status"] != 200


def test_a_factory_with_its_configuration(dg_env: dict[str, str]) -> None:
    widget = Widget(user=member)
    for path in ("/one", "/two"):
        app = make()
        app.config.update(dg_env, WIDGETMW_PATH=path)
        widget.init_app(app)
        visitor = Visitor(app)
        visitor.get("/in/ada")
        assert whose(visitor.get(f"{path}/token").text) == "ada"
        assert visitor.get(ENDPOINT).status_code == 404


def test_what_is_wrong_is_said_at_start(settings: Settings) -> None:
    for user in ("ada", lambda request: None):
        with pytest.raises(TypeError, match="without arguments"):
            Widget(make(), settings, user=user)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="give user="):
        Widget(make(), settings)
    app = make()
    Widget(app, settings, user=member)
    with pytest.raises(RuntimeError, match="already"):
        Widget(app, settings, user=member)


def test_an_app_with_hosts_in_its_routes_has_the_endpoint_on_each(settings: Settings) -> None:
    app = Quart("shop", host_matching=True, static_host="static.example")
    app.secret_key = "x"
    app.get("/", host="app.example")(lambda: HEAD)
    Widget(app, settings, user=lambda: User("ada"))
    assert whose(Visitor(app).token().text) == "ada"


PROXY = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}


def test_a_proxy_in_front_takes_no_resolver(dg_env: dict[str, str]) -> None:
    app = make()
    Widget(app, Settings.from_env({**dg_env, **PROXY}))
    visitor = Visitor(app)
    assert whose(visitor.get(Remote_User="ada").text) == whose(visitor.token(Remote_User="ada").text) == "ada"
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
