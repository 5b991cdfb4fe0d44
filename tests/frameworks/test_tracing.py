"""OpenTelemetry's, Logfire's and Sentry's instrumentations trace an app with the widget as one without it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import logfire
import pytest
from aiohttp import web
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from logfire.testing import TestExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.sessions import SessionMiddleware

from tests.frameworks import flask_app, starlette_app
from tests.frameworks.visitor import HEAD, Visitor, user_in
from widgetmw import Settings, User
from widgetmw.aiohttp import install as install_in_aiohttp
from widgetmw.fastapi import install
from widgetmw.flask import Widget
from widgetmw.starlette import install as install_in_starlette
from widgetmw.testing import as_user

PROXY = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}
ORDERS = pytest.mark.parametrize("order", ["install first", "instrument first"])


class Tracing:
    """Collects spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def server_spans(self) -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.kind is SpanKind.SERVER]


@pytest.fixture
def tracing() -> Tracing:
    return Tracing()


def in_order(order: str, install: Callable[[], Any], instrument: Callable[[], Any]) -> None:
    steps = [install, instrument]
    for step in steps if order == "install first" else reversed(steps):
        step()


def make() -> FastAPI:
    app = FastAPI()

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return HEAD

    @app.get("/broken")
    def broken() -> None:
        raise LookupError("broken")

    @app.exception_handler(Exception)
    def error_page(request: Any, error: Exception) -> HTMLResponse:
        return HTMLResponse(HEAD, 500)

    return app


def make_instrumented(order: str, settings: Settings, tracing: Tracing) -> FastAPI:
    app = make()
    in_order(
        order,
        lambda: install(app, settings=settings, user=lambda: User("ada")),
        lambda: FastAPIInstrumentor.instrument_app(app, tracer_provider=tracing.provider),
    )
    return app


@ORDERS
def test_fastapi_pages_are_traced_and_carry_the_token(settings: Settings, tracing: Tracing, order: str) -> None:
    visitor = Visitor(make_instrumented(order, settings, tracing))
    assert user_in(visitor.get().text) == "ada"
    assert user_in(visitor.token().text) == "ada"
    assert [span.name for span in tracing.server_spans()][:1] == ["GET /"]


@ORDERS
def test_fastapi_errors_are_recorded_as_without_the_widget(settings: Settings, tracing: Tracing, order: str) -> None:
    alone = Tracing()
    plain = make()
    FastAPIInstrumentor.instrument_app(plain, tracer_provider=alone.provider)
    Visitor(plain).get("/broken")
    visitor = Visitor(make_instrumented(order, settings, tracing))
    reply = visitor.get("/broken")
    assert reply.status_code == 500
    assert user_in(reply.text) == "ada"
    (expected,), (span,) = alone.server_spans(), tracing.server_spans()
    assert [event.name for event in span.events] == [event.name for event in expected.events] == ["exception"]
    assert (span.name, span.status.status_code) == (expected.name, expected.status.status_code)


@ORDERS
def test_middleware_can_still_be_added_after_the_instrumentation(
    settings: Settings, tracing: Tracing, order: str
) -> None:
    app = make_instrumented(order, settings, tracing)
    app.add_middleware(SessionMiddleware, secret_key="x")
    assert user_in(Visitor(app).get().text) == "ada"
    assert len(tracing.server_spans()) == 1


def test_the_widget_outlives_the_instrumentation(settings: Settings, tracing: Tracing) -> None:
    app = make_instrumented("install first", settings, tracing)
    visitor = Visitor(app)
    visitor.get()
    FastAPIInstrumentor.uninstrument_app(app)
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    assert len(tracing.server_spans()) == 1


@ORDERS
def test_an_instrumented_app_keeps_its_helpers(settings: Settings, tracing: Tracing, order: str) -> None:
    app = make_instrumented(order, settings, tracing)
    with pytest.raises(RuntimeError, match="call install once"):
        install(app, settings=settings)
    with as_user(User("eve"), app):
        assert user_in(Visitor(app).get().text) == "eve"


@ORDERS
def test_logfire_traces_pages_that_carry_the_token(settings: Settings, order: str) -> None:
    exporter = TestExporter()
    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(exporter)])
    app = make()
    in_order(
        order,
        lambda: install(app, settings=settings, user=lambda: User("ada")),
        lambda: logfire.instrument_fastapi(app),
    )
    assert user_in(Visitor(app).get().text) == "ada"
    assert "GET /" in [span.name for span in exporter.exported_spans]


@pytest.mark.parametrize("extra_spans", [False, True])
def test_logfire_records_the_pages_own_arguments(settings: Settings, extra_spans: bool) -> None:
    exporter = TestExporter()
    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(exporter)])
    app = make()
    app.get("/orders/{number}", response_class=HTMLResponse)(lambda number: HEAD)

    def user(request: Request) -> User:
        return User("ada")

    install(app, settings=settings, user=user)
    logfire.instrument_fastapi(app, extra_spans=extra_spans)
    visitor = Visitor(app)
    assert user_in(visitor.get("/orders/7").text) == user_in(visitor.token().text) == "ada"
    recorded = [dict(span.attributes or {}).get("fastapi.arguments.values") for span in exporter.exported_spans]
    assert [each for each in recorded if each] == ['{"number":"7"}']


@ORDERS
def test_starlette_pages_are_traced_and_carry_the_token(settings: Settings, tracing: Tracing, order: str) -> None:
    app = starlette_app.make()
    in_order(
        order,
        lambda: install_in_starlette(app, settings=settings, user=lambda connection: User("ada")),
        lambda: StarletteInstrumentor.instrument_app(app, tracer_provider=tracing.provider),
    )
    assert user_in(Visitor(app).get().text) == "ada"
    assert [span.name for span in tracing.server_spans()] == ["GET /"]


def test_the_stack_that_is_built_is_starlettes_own(settings: Settings) -> None:
    app = starlette_app.make()
    install_in_starlette(app, settings=settings, user=lambda connection: User("ada"))
    assert type(app.build_middleware_stack()) is ServerErrorMiddleware


@pytest.mark.parametrize("proxy", [{}, PROXY], ids=["", "proxy"])
def test_an_instrumentation_can_follow_the_layers_to_the_router(dg_env: dict[str, str], proxy: dict[str, str]) -> None:
    app = make()
    install(app, settings=Settings.from_env({**dg_env, **proxy}), user=None if proxy else lambda: User("ada"))
    Visitor(app).get()
    layer: Any = app.middleware_stack
    layers = [layer]
    while layer is not app.router:
        layer = layer.app
        layers.append(layer)
    assert ServerErrorMiddleware in map(type, layers)


def test_a_layer_around_the_running_stack_does_not_run_twice(settings: Settings) -> None:
    app = starlette_app.make()
    install_in_starlette(app, settings=settings, user=lambda connection: User("ada"))
    visitor = Visitor(app)
    visitor.get()
    app.middleware_stack = starlette_app.PassThrough(app.middleware_stack)  # type: ignore[arg-type]
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


@ORDERS
def test_flask_pages_are_traced_and_carry_the_token(settings: Settings, tracing: Tracing, order: str) -> None:
    app = flask_app.make()
    in_order(
        order,
        lambda: Widget(app, settings, user=lambda: User("ada")),
        lambda: FlaskInstrumentor().instrument_app(app, tracer_provider=tracing.provider),
    )
    client = app.test_client()
    assert user_in(client.get("/").text) == "ada"
    assert user_in(flask_app.token(client).text) == "ada"
    assert [span.name for span in tracing.server_spans()][:1] == ["GET /"]


ZERO_CODE = """
from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()  # what the command opentelemetry-instrument does ahead of the app
from fastapi import FastAPI
from fastapi.testclient import TestClient
from widgetmw import User
from widgetmw.{module} import install

app = FastAPI()
install(app, user=lambda {argument}: User("ada"))
assert TestClient(app).get("/_widgetmw/token").status_code == 200
"""


@pytest.mark.parametrize(("module", "argument"), [("fastapi", ""), ("starlette", "connection")])
def test_a_fastapi_app_starts_under_instrumentation_without_code(
    dg_env: dict[str, str], module: str, argument: str
) -> None:
    run(ZERO_CODE.format(module=module, argument=argument), dg_env)


SENTRY = """
import sentry_sdk
from sentry_sdk.integrations.starlette import StarletteIntegration
spans = []
sentry_sdk.init(
    "http://key@127.0.0.1:9/1",
    traces_sample_rate=1.0,
    before_send_transaction=lambda event, hint: spans.extend(each["description"] for each in event["spans"]),
    integrations=[StarletteIntegration(middleware_spans=True)],
)
from {module}.applications import {name}
from starlette.testclient import TestClient
from widgetmw import User
from widgetmw.{module} import install

app = {name}()
install(app, user=lambda {argument}: User("ada"))
client = TestClient(app)
assert client.get("/_widgetmw/token").json()["user"] == client.get("/_widgetmw/token").json()["user"]
assert spans.count("InnerMiddleware") == 2, spans
"""


@pytest.mark.parametrize(
    ("module", "name", "argument"), [("fastapi", "FastAPI", ""), ("starlette", "Starlette", "connection")]
)
def test_an_app_serves_its_endpoint_under_sentry(dg_env: dict[str, str], module: str, name: str, argument: str) -> None:
    run(SENTRY.format(module=module, name=name, argument=argument), dg_env)


INSTRUMENTED_LATE = """
from {module} import {name}
app = {name}({arguments})
from opentelemetry.instrumentation.{module} import {name}Instrumentor
{name}Instrumentor().instrument()
from widgetmw.{module} import {install}
{install}(app, user=lambda: None)
"""


@pytest.mark.parametrize(
    ("module", "name", "arguments", "install"),
    [("flask", "Flask", "__name__", "Widget"), ("fastapi", "FastAPI", "", "install")],
)
def test_an_app_may_be_older_than_its_instrumentation(
    dg_env: dict[str, str], module: str, name: str, arguments: str, install: str
) -> None:
    run(INSTRUMENTED_LATE.format(module=module, name=name, arguments=arguments, install=install), dg_env)


def run(code: str, env: dict[str, str]) -> None:
    off = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env, **off}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_aiohttp_app_may_be_older_than_its_instrumentation(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = web.Application()
    monkeypatch.setattr(web, "Application", type("InstrumentedApplication", (), {}))
    install_in_aiohttp(app, settings=settings, user=lambda request: None)
