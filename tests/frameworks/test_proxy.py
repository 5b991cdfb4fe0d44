"""Identity from an authenticating reverse proxy, for every driver and plugin, configured by environment variables."""

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
from tests.frameworks.visitor import HEAD, user_in
from widgetmw import User, identify
from widgetmw.django import configuration
from widgetmw.django.checks import check

ENDPOINT = "/_widgetmw/token/digitalgenius"
IDS = (("Remote-User", "ada-1"), ("Remote-Name", "Ada"))
EVE = User("eve")
HTML = {"Content-Type": "text/html; charset=utf-8", "ETag": '"1"'}


class Reply:
    """The response that the client received."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.text = body.decode()
        self.reason = dict((k.lower(), v) for k, v in headers).get("x-widgetmw", "").partition("reason=")[2]

    @property
    def user(self) -> str | None:
        return user_in(self.text)


class Site(ABC):
    """An app behind one driver, configured by the environment and an optional ``user=``.

    The app calls ``self.on_request`` with each request.
    """

    asgi = True

    def __init__(self, user: User | None = None) -> None:
        self.on_request: Callable[[Any], None] = lambda request: None
        self.served = self.make((lambda *_: user) if user else None)

    @abstractmethod
    def make(self, user: Any) -> Any:
        """Returns the app with the middleware installed."""

    @property
    def engine(self) -> Any:
        return self.served.engine

    def get(self, path: str, *headers: tuple[str, str], client: str = PROXY, **more: Any) -> Reply:
        if self.asgi:
            return asyncio.run(self._asgi(scope(*headers, client=(client, 50000), path=path, **more)))
        return self._wsgi(environ(*headers, client=client, PATH_INFO=path, **more))

    async def _asgi(self, request: dict[str, Any]) -> Reply:
        sent: list[Any] = []
        incoming = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if not incoming:
                await asyncio.Event().wait()  # the client stays connected
            return incoming.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        request |= {"http_version": "1.1", "scheme": "http", "query_string": b"", "root_path": ""}
        await self.served({**request, "asgi": {"version": "3.0"}, "server": ("shop.example", 80)}, receive, send)
        headers = [(k.decode(), v.decode()) for k, v in sent[0]["headers"]]
        return Reply(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))

    def _wsgi(self, request: dict[str, Any]) -> Reply:
        started: list[Any] = []
        server = {"SERVER_NAME": "shop.example", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": ""}
        more = {"QUERY_STRING": "", "wsgi.url_scheme": "http", "wsgi.input": BytesIO()}
        chunks = self.served({**server, **more, **request}, lambda *args: started.append(args))
        body = b"".join(chunks)
        getattr(chunks, "close", lambda: None)()
        return Reply(int(started[0][0][:3]), started[0][1], body)


class AsgiSite(Site):
    def make(self, user: Any) -> Any:
        return widgetmw.asgi.WidgetMiddleware(self._app, user=user)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.on_request(scope)
        status = 304 if b"if-none-match" in dict(scope["headers"]) else 200
        headers = [(k.lower().encode(), v.encode()) for k, v in HTML.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": HEAD.encode() if status == 200 else b""})


class WsgiSite(Site):
    asgi = False

    def make(self, user: Any) -> Any:
        return widgetmw.wsgi.WidgetMiddleware(self._app, user=user)

    def _app(self, environ: Any, start_response: Any) -> list[bytes]:
        self.on_request(environ)
        is_cached = "HTTP_IF_NONE_MATCH" in environ
        start_response("304 Not Modified" if is_cached else "200 OK", list(HTML.items()))
        return [] if is_cached else [HEAD.encode()]


class StarletteSite(Site):
    def make(self, user: Any) -> Any:
        async def page(request: Any) -> HTMLResponse:
            self.on_request(request.scope)
            is_cached = "if-none-match" in request.headers
            return HTMLResponse("" if is_cached else HEAD, 304 if is_cached else 200, HTML)

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


class FastApiSite(StarletteSite):
    def framework(self, page: Any) -> Starlette:
        app = fastapi.FastAPI()
        app.router.routes.append(Route("/{path:path}", page))
        return app

    def install(self, app: Any, user: Any) -> None:
        widgetmw.fastapi.install(app, user=None if user is None else lambda: user())


class FlaskSite(Site):
    asgi = False

    def make(self, user: Any) -> Any:
        def page(path: str = "") -> Any:
            self.on_request(flask.request.environ)
            is_cached = "If-None-Match" in flask.request.headers
            return ("" if is_cached else HEAD), (304 if is_cached else 200), HTML

        self.app = flask.Flask("behind")
        self.app.secret_key = "x"
        self.app.add_url_rule("/", view_func=page)
        widgetmw.flask.Widget(self.app, user=user)
        return self.app

    @property
    def engine(self) -> Any:
        return self.app.extensions["widgetmw"].engine


class DjangoSite(Site):
    asgi = False
    handler: Any = WSGIHandler

    def make(self, user: Any) -> Any:
        def page(request: Any) -> HttpResponse:
            self.on_request(request.META)
            is_cached = "HTTP_IF_NONE_MATCH" in request.META
            return HttpResponse("" if is_cached else HEAD, status=304 if is_cached else 200, headers=HTML)

        self.urls = Urls(path("_widgetmw/", include("widgetmw.django.urls")), re_path("", page))
        options = {"USER": user} if user else {}
        self.override = override_settings(WIDGETMW=options, ROOT_URLCONF=self.urls)
        self.override.enable()
        return self.handler()

    @property
    def engine(self) -> Any:
        return configuration.installed().engine


class AsyncDjangoSite(DjangoSite):
    asgi = True
    handler = ASGIHandler


SITES = (AsgiSite, WsgiSite, StarletteSite, FastApiSite, FlaskSite, DjangoSite, AsyncDjangoSite)
Make = Callable[..., Site]


@pytest.fixture(params=SITES, ids=lambda kind: kind.__name__.removesuffix("Site").lower())
def make(request: pytest.FixtureRequest, dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a site behind a kind of proxy; ``more`` are environment variables."""
    sites: list[Site] = []

    def site(kind: str = "authelia", user: User | None = None, **more: str) -> Site:
        for name, value in {**dg_env, "WIDGETMW_DEBUG": "true", **(variables(kind) if kind else {}), **more}.items():
            monkeypatch.setenv(name, value)
        sites.append(request.param(user))
        return sites[-1]

    yield site
    for each in sites:
        if isinstance(each, DjangoSite):
            each.override.disable()
    configuration.forget()


def outcomes(site: Site) -> dict[str, int]:
    return {name: count for name, count in site.engine.events.counts.items() if name.startswith("proxy:")}


def test_the_proxy_names_the_signed_in_user(make: Make) -> None:
    site = make()
    assert site.get("/", *IDS).user == site.get(ENDPOINT, *IDS).user == "ada-1"
    assert outcomes(site) == {}


@pytest.mark.parametrize("kind", HEADER)
def test_a_signed_assertion_names_the_user(make: Make, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make(kind)
    monkeypatch.setattr(site.engine.proxy_resolver, "_clock", lambda: NOW)
    header = (HEADER[kind], signed(kind))
    assert site.get("/", header).user == site.get(ENDPOINT, header).user == "ada-1"


def test_without_the_header_the_visitor_is_anonymous(make: Make) -> None:
    site = make()
    page = site.get("/")
    assert (page.text, page.reason) == (HEAD, "anonymous")
    assert site.get(ENDPOINT).status == 401
    assert set(outcomes(site)) == {"proxy:absent"}


def test_a_request_that_bypasses_the_proxy_is_anonymous(make: Make) -> None:
    site = make()
    page = site.get("/", *IDS, client="203.0.113.9")
    assert (page.text, page.reason) == (HEAD, "anonymous")
    assert site.get(ENDPOINT, *IDS, client="203.0.113.9").status == 401
    assert set(outcomes(site)) == {"proxy:address_not_listed"}


def test_an_invalid_assertion_is_a_failure_and_not_a_sign_out(make: Make) -> None:
    """For example after a key rotation: a 401 would make every open tab sign out."""
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


def test_a_resolver_overrides_the_proxy(make: Make) -> None:
    site = make(user=EVE)
    assert site.get("/", *IDS).user == site.get(ENDPOINT, *IDS).user == "eve"


def test_identify_overrides_the_proxy(make: Make) -> None:
    site = make()
    site.on_request = lambda request: identify(request, EVE)
    assert site.get("/", *IDS).user == "eve"
    site.on_request = lambda request: identify(request, None)
    assert site.get("/", *IDS).reason == "anonymous"


def test_an_identity_from_the_proxy_hides_conditional_headers(make: Make) -> None:
    """A 304 could revive a page of another user, and there is no cookie that shows that a user is signed in."""
    site = make()
    conditional = (("If-None-Match", '"1"'), ("Accept", "text/html"))
    assert site.get("/", *IDS, *conditional).user == "ada-1"
    assert site.get("/", *conditional).status == 304


def test_with_fetch_delivery_only_the_endpoint_resolves_the_user(make: Make) -> None:
    site = make(WIDGETMW_DELIVERY="fetch")
    page = site.get("/", *IDS)
    assert "data-widgetmw" in page.text
    assert page.user is None
    assert site.get(ENDPOINT, *IDS).user == "ada-1"


def test_without_configuration_the_headers_are_ignored(make: Make) -> None:
    site = make(kind="", user=EVE)
    assert site.engine.proxy_resolver is None
    assert site.get("/", *IDS).user == "eve"
    assert outcomes(site) == {}


@pytest.mark.parametrize("kind", [AsgiSite, WsgiSite])
def test_without_a_proxy_there_is_no_proxy_resolver(
    kind: Any, dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)
    site = kind()
    assert site.served.proxy_resolver is None
    assert site.served.app == site._app
    monkeypatch.setattr(os, "environ", {**os.environ, **variables("authelia")})
    assert kind(EVE).served.proxy_resolver is None  # nor with user=


# the framework's convention


def only_for(*kinds: type[Site]) -> Any:
    """Runs the test for these drivers only."""
    return pytest.mark.parametrize(
        "make", kinds, indirect=True, ids=lambda kind: kind.__name__.removesuffix("Site").lower()
    )


@only_for(WsgiSite, FlaskSite)
def test_remote_user_is_ignored_behind_a_proxy(make: Make) -> None:
    site = make()
    assert site.get("/", REMOTE_USER="eve").reason == "anonymous"
    assert site.get("/", *IDS, REMOTE_USER="eve").user == "ada-1"


@only_for(AsgiSite)
def test_scope_user_is_ignored_behind_a_proxy(make: Make) -> None:
    site = make()
    user = SimpleUser("eve")
    assert site.get("/", user=user).reason == "anonymous"
    assert site.get("/", *IDS, user=user).user == "ada-1"


class AlwaysEve(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        return AuthCredentials(), SimpleUser("eve")


@only_for(StarletteSite, FastApiSite)
def test_starlettes_user_is_ignored_behind_a_proxy_without_a_warning(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert make().get("/", *IDS).user == "ada-1"
    assert "could set scope['user']" not in caplog.text
    site: Any = make()
    site.app.add_middleware(AuthenticationMiddleware, backend=AlwaysEve())
    assert site.get("/", *IDS).user == site.get(ENDPOINT, *IDS).user == "ada-1"
    assert site.get("/").reason == "anonymous"


@only_for(FlaskSite)
def test_flask_logins_user_is_ignored_behind_a_proxy(make: Make) -> None:
    site: Any = make()
    manager = flask_login.LoginManager(site.app)
    user = flask_login.UserMixin()
    user.id = "eve"
    manager.request_loader(lambda request: user)
    assert site.get("/", *IDS).user == site.get(ENDPOINT, *IDS).user == "ada-1"
    assert site.get("/").reason == "anonymous"


@only_for(DjangoSite, AsyncDjangoSite)
def test_django_checks_pass_without_authentication_middleware_behind_a_proxy(make: Make) -> None:
    make()
    assert check() == []


# middleware that replaces the proxy's address by one from X-Forwarded-For

FORWARDED = ("X-Forwarded-For", "203.0.113.9")
FORGED = ("X-Forwarded-For", PROXY)


def assert_only_the_proxy_is_trusted(site: Site) -> None:
    """Asserts that X-Forwarded-For does not change which peer is trusted."""
    assert site.get("/", *IDS, FORWARDED).user == site.get(ENDPOINT, *IDS, FORWARDED).user == "ada-1"
    assert site.get("/", *IDS, FORGED, client="203.0.113.9").reason == "anonymous"
    assert site.get(ENDPOINT, *IDS, FORGED, client="203.0.113.9").status == 401


@only_for(WsgiSite, FlaskSite, DjangoSite)
def test_proxyfix_outside_changes_nothing(make: Make) -> None:
    site = make()
    site.served = ProxyFix(site.served)
    assert_only_the_proxy_is_trusted(site)


@only_for(WsgiSite)
def test_proxyfix_inside_changes_nothing(make: Make) -> None:
    site = make()
    site.served.app = ProxyFix(site.served.app)
    assert_only_the_proxy_is_trusted(site)


@only_for(FlaskSite)
def test_proxyfix_set_on_a_flask_app_changes_nothing(make: Make) -> None:
    site: Any = make()
    site.app.wsgi_app = ProxyFix(site.app.wsgi_app)
    assert_only_the_proxy_is_trusted(site)


def trust_forwarded_for(get_response: Any) -> Any:
    """A Django middleware that trusts X-Forwarded-For."""

    def middleware(request: Any) -> HttpResponse:
        forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR")
        if forwarded_for:
            request.META["REMOTE_ADDR"] = forwarded_for
            getattr(request, "scope", {})["client"] = (forwarded_for, 0)
        return get_response(request)  # type: ignore[no-any-return]

    return middleware


@only_for(DjangoSite, AsyncDjangoSite)
def test_a_django_middleware_that_rewrites_the_address_changes_nothing(make: Make) -> None:
    with override_settings(MIDDLEWARE=["widgetmw.django.WidgetMiddleware", f"{__name__}.trust_forwarded_for"]):
        assert_only_the_proxy_is_trusted(make())


@only_for(AsgiSite, StarletteSite, FastApiSite, AsyncDjangoSite)
def test_uvicorns_proxy_headers_outside_are_detected(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    site = make()
    site.served = ProxyHeadersMiddleware(site.served, trusted_hosts="*")
    assert site.get("/", *IDS, FORWARDED).reason == "resolver_failed"
    assert site.get("/", *IDS, FORGED, client="203.0.113.9").reason == "resolver_failed"
    assert site.get(ENDPOINT, *IDS, FORGED, client="203.0.113.9").status == 503
    assert "address_rewritten" in caplog.text
    assert site.get("/", *IDS).user == "ada-1"


@only_for(AsgiSite)
def test_uvicorns_proxy_headers_inside_change_nothing(make: Make) -> None:
    site: Any = make()
    site.served.wrap(ProxyHeadersMiddleware(site._app, trusted_hosts="*"))
    assert_only_the_proxy_is_trusted(site)


@only_for(StarletteSite, FastApiSite)
def test_uvicorns_proxy_headers_added_to_the_app_change_nothing(make: Make) -> None:
    site: Any = make()
    site.app.add_middleware(ProxyHeadersMiddleware, trusted_hosts="*")
    assert_only_the_proxy_is_trusted(site)


def test_refusals_are_logged_without_values(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    site = make()
    with caplog.at_level(logging.DEBUG, "widgetmw"):
        site.get("/", ("Remote-User", "ada-1,eve"))
        site.get("/", *IDS, client="203.0.113.9")
    messages = [record.getMessage() for record in caplog.records if record.name == "widgetmw"]
    assert len(messages) >= 2
    assert not any(value in text for text in messages for value in ("ada-1", "203.0.113", PROXY))
