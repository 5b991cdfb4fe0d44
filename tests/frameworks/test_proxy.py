"""Identity from an authenticating proxy in front, through every driver and plugin: set by the environment alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import fastapi
import flask
import flask_login
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test.utils import override_settings
from django.urls import include, path, re_path
from fastapi.responses import HTMLResponse
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import widgetmw.asgi
import widgetmw.fastapi
import widgetmw.flask
import widgetmw.starlette
import widgetmw.wsgi
from tests.contract.django_site import Urls
from tests.core.proxy.proxies import HEADER, NOW, PROXY, environ, scope, signed, variables
from tests.frameworks.visitor import HEAD, whose
from widgetmw import User, identify
from widgetmw.django import configuration
from widgetmw.django.checks import check

ENDPOINT = "/_widgetmw/token/digitalgenius"
IDS = (("Remote-User", "ada-1"), ("Remote-Name", "Ada"))
EVE = User("eve")
HTML = {"Content-Type": "text/html; charset=utf-8", "ETag": '"1"'}


class Reply:
    """What came back."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.text = body.decode()
        self.reason = dict((k.lower(), v) for k, v in headers).get("x-widgetmw", "").partition("reason=")[2]

    @property
    def who(self) -> str | None:
        return whose(self.text)


class Site(ABC):
    """An app behind one driver, made of nothing but the environment and, where given, a ``user=``.

    ``self.app_says`` is done to each request by the app itself.
    """

    asgi = True

    def __init__(self, user: User | None = None) -> None:
        self.app_says: Callable[[Any], None] = lambda request: None
        self.served = self.make((lambda *_: user) if user else None)

    @abstractmethod
    def make(self, user: Any) -> Any:
        """Returns the app, which a ``user=`` may be given to."""

    @property
    def engine(self) -> Any:
        return self.served.engine

    def get(self, path: str, *headers: tuple[str, str], client: str = PROXY, **more: Any) -> Reply:
        if self.asgi:
            return asyncio.run(self._asgi(scope(*headers, client=(client, 50000), path=path, **more)))
        return self._wsgi(environ(*headers, client=client, PATH_INFO=path, **more))

    async def _asgi(self, request: dict[str, Any]) -> Reply:
        sent: list[Any] = []
        coming = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if not coming:
                await asyncio.Event().wait()  # the client stays
            return coming.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        request |= {"http_version": "1.1", "scheme": "http", "query_string": b"", "root_path": ""}
        await self.served({**request, "asgi": {"version": "3.0"}, "server": ("shop.example", 80)}, receive, send)
        headers = [(k.decode(), v.decode()) for k, v in sent[0]["headers"]]
        return Reply(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))

    def _wsgi(self, request: dict[str, Any]) -> Reply:
        got: list[Any] = []
        own = {"SERVER_NAME": "shop.example", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": ""}
        more = {"QUERY_STRING": "", "wsgi.url_scheme": "http", "wsgi.input": BytesIO()}
        chunks = self.served({**own, **more, **request}, lambda *args: got.append(args))
        body = b"".join(chunks)
        getattr(chunks, "close", lambda: None)()
        return Reply(int(got[0][0][:3]), got[0][1], body)


class Asgi(Site):
    def make(self, user: Any) -> Any:
        return widgetmw.asgi.WidgetMiddleware(self._app, user=user)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.app_says(scope)
        status = 304 if b"if-none-match" in dict(scope["headers"]) else 200
        headers = [(k.lower().encode(), v.encode()) for k, v in HTML.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": HEAD.encode() if status == 200 else b""})


class Wsgi(Site):
    asgi = False

    def make(self, user: Any) -> Any:
        return widgetmw.wsgi.WidgetMiddleware(self._app, user=user)

    def _app(self, environ: Any, start_response: Any) -> list[bytes]:
        self.app_says(environ)
        same = "HTTP_IF_NONE_MATCH" in environ
        start_response("304 Not Modified" if same else "200 OK", list(HTML.items()))
        return [] if same else [HEAD.encode()]


class Starlettes(Site):
    def make(self, user: Any) -> Any:
        async def page(request: Any) -> HTMLResponse:
            self.app_says(request.scope)
            same = "if-none-match" in request.headers
            return HTMLResponse("" if same else HEAD, 304 if same else 200, HTML)

        self.app = self.framework(page)
        self.install(self.app, user)
        return self.app

    def framework(self, page: Any) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", page)])

    def install(self, app: Any, user: Any) -> None:
        widgetmw.starlette.install(app, user=user)

    @property
    def engine(self) -> Any:
        return self.app.build_middleware_stack.outer.engine  # type: ignore[attr-defined]


class FastApis(Starlettes):
    def framework(self, page: Any) -> Starlette:
        app = fastapi.FastAPI()
        app.router.routes.append(Route("/{path:path}", page))
        return app

    def install(self, app: Any, user: Any) -> None:
        widgetmw.fastapi.install(app, user=None if user is None else lambda: user())


class Flasks(Site):
    asgi = False

    def make(self, user: Any) -> Any:
        def page(path: str = "") -> Any:
            self.app_says(flask.request.environ)
            same = "If-None-Match" in flask.request.headers
            return ("" if same else HEAD), (304 if same else 200), HTML

        self.app = flask.Flask("behind")
        self.app.secret_key = "x"
        self.app.add_url_rule("/", view_func=page)
        widgetmw.flask.Widget(self.app, user=user)
        return self.app

    @property
    def engine(self) -> Any:
        return self.app.extensions["widgetmw"].engine


class Djangos(Site):
    asgi = False
    handler: Any = WSGIHandler

    def make(self, user: Any) -> Any:
        def page(request: Any) -> HttpResponse:
            self.app_says(request.META)
            same = "HTTP_IF_NONE_MATCH" in request.META
            return HttpResponse("" if same else HEAD, status=304 if same else 200, headers=HTML)

        self.urls = Urls(path("_widgetmw/", include("widgetmw.django.urls")), re_path("", page))
        options = {"USER": user} if user else {}
        self.override = override_settings(WIDGETMW=options, ROOT_URLCONF=self.urls)
        self.override.enable()
        return self.handler()

    @property
    def engine(self) -> Any:
        return configuration.installed().engine


class AsyncDjangos(Djangos):
    asgi = True
    handler = ASGIHandler


SITES = (Asgi, Wsgi, Starlettes, FastApis, Flasks, Djangos, AsyncDjangos)
Make = Callable[..., Site]


@pytest.fixture(params=SITES, ids=lambda kind: kind.__name__.lower())
def make(request: pytest.FixtureRequest, dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a site behind a proxy of a kind; the variables are the environment's."""
    made: list[Site] = []

    def site(kind: str = "authelia", user: User | None = None, **more: str) -> Site:
        for name, value in {**dg_env, "WIDGETMW_DEBUG": "true", **(variables(kind) if kind else {}), **more}.items():
            monkeypatch.setenv(name, value)
        made.append(request.param(user))
        return made[-1]

    yield site
    for each in made:
        if isinstance(each, Djangos):
            each.override.disable()
    configuration.forget()


def outcomes(site: Site) -> dict[str, int]:
    return {name: count for name, count in site.engine.events.counts.items() if name.startswith("proxy:")}


def test_the_proxy_names_who_is_signed_in_and_the_app_needs_no_code(make: Make) -> None:
    site = make()
    assert site.get("/", *IDS).who == site.get(ENDPOINT, *IDS).who == "ada-1"
    assert outcomes(site) == {}


@pytest.mark.parametrize("kind", HEADER)
def test_a_signed_assertion_names_them_too(make: Make, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make(kind)
    monkeypatch.setattr(site.engine.proxy_resolver, "_clock", lambda: NOW)
    header = (HEADER[kind], signed(kind))
    assert site.get("/", header).who == site.get(ENDPOINT, header).who == "ada-1"


def test_without_the_header_nobody_is_signed_in(make: Make) -> None:
    site = make()
    page = site.get("/")
    assert (page.text, page.reason) == (HEAD, "anonymous")
    assert site.get(ENDPOINT).status == 401
    assert set(outcomes(site)) == {"proxy:absent"}


def test_who_comes_around_the_proxy_is_nobody(make: Make) -> None:
    site = make()
    page = site.get("/", *IDS, client="203.0.113.9")
    assert (page.text, page.reason) == (HEAD, "anonymous")
    assert site.get(ENDPOINT, *IDS, client="203.0.113.9").status == 401
    assert set(outcomes(site)) == {"proxy:address_not_listed"}


def test_an_assertion_that_does_not_verify_is_a_failure_and_signs_nobody_out(make: Make) -> None:
    """As with a rotated key: a 401 would make every open tab clean up."""
    site = make("pomerium")
    header = (HEADER["pomerium"], signed("pomerium", number=1))
    page = site.get("/", header)
    assert (page.text, page.reason) == (HEAD, "resolver_failed")
    reply = site.get(ENDPOINT, header)
    assert (reply.status, json.loads(reply.text)["error"]) == (503, "token_unavailable")
    assert set(outcomes(site)) == {"proxy:assertion_signature"}


def test_two_users_in_one_request_are_a_failure(make: Make) -> None:
    site = make()
    page = site.get("/", *IDS, ("Remote-User", "eve"))
    assert (page.text, page.reason) == (HEAD, "resolver_failed")
    assert site.get(ENDPOINT, *IDS, ("Remote-User", "eve")).status == 503


def test_a_resolver_that_is_given_outranks_the_proxy(make: Make) -> None:
    site = make(user=EVE)
    assert site.get("/", *IDS).who == site.get(ENDPOINT, *IDS).who == "eve"


def test_what_the_app_says_outranks_the_proxy(make: Make) -> None:
    site = make()
    site.app_says = lambda request: identify(request, EVE)
    assert site.get("/", *IDS).who == "eve"
    site.app_says = lambda request: identify(request, None)
    assert site.get("/", *IDS).reason == "anonymous"


def test_a_page_that_the_browser_has_is_not_confirmed_to_whom_the_proxy_names(make: Make) -> None:
    """A 304 could bring back a page of another identity, and no cookie tells that somebody is signed in."""
    site = make()
    conditional = (("If-None-Match", '"1"'), ("Accept", "text/html"))
    assert site.get("/", *IDS, *conditional).who == "ada-1"
    assert site.get("/", *conditional).status == 304


def test_with_fetch_delivery_the_endpoint_alone_asks(make: Make) -> None:
    site = make(WIDGETMW_DELIVERY="fetch")
    page = site.get("/", *IDS)
    assert "data-widgetmw" in page.text
    assert page.who is None
    assert site.get(ENDPOINT, *IDS).who == "ada-1"


def test_unless_configured_the_headers_mean_nothing(make: Make) -> None:
    site = make(kind="", user=EVE)
    assert site.engine.proxy_resolver is None
    assert site.get("/", *IDS).who == "eve"
    assert outcomes(site) == {}


@pytest.mark.parametrize("kind", [Asgi, Wsgi])
def test_off_costs_nothing(kind: Any, dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)
    site = kind()
    assert site.served.proxy_resolver is None
    assert site.served.app == site._app
    monkeypatch.setattr(os, "environ", {**os.environ, **variables("authelia")})
    assert kind(EVE).served.proxy_resolver is None  # nor where user= is given


# the framework's convention


def only(*kinds: type[Site]) -> Any:
    """The test is about these drivers alone."""
    return pytest.mark.parametrize("make", kinds, indirect=True, ids=lambda kind: kind.__name__.lower())


@only(Wsgi, Flasks)
def test_wsgi_does_not_read_remote_user_besides(make: Make) -> None:
    site = make()
    assert site.get("/", REMOTE_USER="eve").reason == "anonymous"
    assert site.get("/", *IDS, REMOTE_USER="eve").who == "ada-1"


@only(Asgi)
def test_asgi_does_not_read_the_scopes_user_besides(make: Make) -> None:
    site = make()
    person = SimpleUser("eve")
    assert site.get("/", user=person).reason == "anonymous"
    assert site.get("/", *IDS, user=person).who == "ada-1"


class Everybody(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        return AuthCredentials(), SimpleUser("eve")


@only(Starlettes, FastApis)
def test_starlettes_user_is_not_read_besides_and_not_missed(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    assert make().get("/", *IDS).who == "ada-1"
    assert "could set scope['user']" not in caplog.text
    site: Any = make()
    site.app.add_middleware(AuthenticationMiddleware, backend=Everybody())
    assert site.get("/", *IDS).who == site.get(ENDPOINT, *IDS).who == "ada-1"
    assert site.get("/").reason == "anonymous"


@only(Flasks)
def test_flask_logins_user_is_not_read_besides(make: Make) -> None:
    site: Any = make()
    manager = flask_login.LoginManager(site.app)
    person = flask_login.UserMixin()
    person.id = "eve"
    manager.request_loader(lambda request: person)
    assert site.get("/", *IDS).who == site.get(ENDPOINT, *IDS).who == "ada-1"
    assert site.get("/").reason == "anonymous"


@only(Djangos, AsyncDjangos)
def test_djangos_user_is_not_missed(make: Make) -> None:
    make()
    assert check() == []


# layers of the app that put an address of X-Forwarded-For in place of the proxy's

FORWARDED = ("X-Forwarded-For", "203.0.113.9")
FORGED = ("X-Forwarded-For", PROXY)


def unharmed(site: Site) -> None:
    """The proxy is believed and nobody else, whatever stands in X-Forwarded-For."""
    assert site.get("/", *IDS, FORWARDED).who == site.get(ENDPOINT, *IDS, FORWARDED).who == "ada-1"
    assert site.get("/", *IDS, FORGED, client="203.0.113.9").reason == "anonymous"
    assert site.get(ENDPOINT, *IDS, FORGED, client="203.0.113.9").status == 401


@only(Wsgi, Flasks, Djangos)
def test_proxyfix_around_changes_nothing(make: Make) -> None:
    site = make()
    site.served = ProxyFix(site.served)
    unharmed(site)


@only(Wsgi)
def test_proxyfix_inside_changes_nothing(make: Make) -> None:
    site = make()
    site.served.app = ProxyFix(site.served.app)
    unharmed(site)


@only(Flasks)
def test_proxyfix_put_into_a_flask_app_changes_nothing(make: Make) -> None:
    site: Any = make()
    site.app.wsgi_app = ProxyFix(site.app.wsgi_app)
    unharmed(site)


def rewriting(get_response: Any) -> Any:
    """A layer of Django's that believes X-Forwarded-For."""

    def answer(request: Any) -> HttpResponse:
        said = request.META.get("HTTP_X_FORWARDED_FOR")
        if said:
            request.META["REMOTE_ADDR"] = said
            getattr(request, "scope", {})["client"] = (said, 0)
        return get_response(request)  # type: ignore[no-any-return]

    return answer


@only(Djangos, AsyncDjangos)
def test_a_layer_of_djangos_that_rewrites_the_address_changes_nothing(make: Make) -> None:
    with override_settings(MIDDLEWARE=["widgetmw.django.WidgetMiddleware", f"{__name__}.rewriting"]):
        unharmed(make())


@only(Asgi, Starlettes, FastApis, AsyncDjangos)
def test_uvicorns_rewriting_around_is_noticed(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    site = make()
    site.served = ProxyHeadersMiddleware(site.served, trusted_hosts="*")
    assert site.get("/", *IDS, FORWARDED).reason == "resolver_failed"
    assert site.get("/", *IDS, FORGED, client="203.0.113.9").reason == "resolver_failed"
    assert site.get(ENDPOINT, *IDS, FORGED, client="203.0.113.9").status == 503
    assert "address_rewritten" in caplog.text
    assert site.get("/", *IDS).who == "ada-1"


@only(Asgi)
def test_uvicorns_rewriting_inside_changes_nothing(make: Make) -> None:
    site: Any = make()
    site.served.wrap(ProxyHeadersMiddleware(site._app, trusted_hosts="*"))
    unharmed(site)


@only(Starlettes, FastApis)
def test_uvicorns_rewriting_added_to_the_app_changes_nothing(make: Make) -> None:
    site: Any = make()
    site.app.add_middleware(ProxyHeadersMiddleware, trusted_hosts="*")
    unharmed(site)


def test_what_is_refused_is_logged_without_any_value(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    site = make()
    with caplog.at_level(logging.DEBUG, "widgetmw"):
        site.get("/", ("Remote-User", "ada-1,eve"))
        site.get("/", *IDS, client="203.0.113.9")
    ours = [record.getMessage() for record in caplog.records if record.name == "widgetmw"]
    assert len(ours) >= 2
    assert not any(value in text for text in ours for value in ("ada-1", "203.0.113", PROXY))
