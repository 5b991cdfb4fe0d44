"""What error reporters record of our frames: Sentry stores the local variables of each frame in a traceback."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import re
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import FrameType, TracebackType
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from sentry_sdk.utils import event_from_exception

from tests.contract.site import BODY
from widgetmw import Settings, SettingsError, User
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.core.config_overlay import merge_config
from widgetmw.providers import signing
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

ADA = User("ada")
HTML = "text/html; charset=utf-8"
SPLIT = (BODY[:10], BODY[10:40], BODY[40:])
SECRETS = ("DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY", "ORLO_PRIVATE_KEY")


class Gone(Exception):
    """What a server or an app raises."""


class WorkerTimeout(BaseException):
    """What a server raises in a worker that takes too long, from a signal handler."""


class Recorder(Transport):
    """Keeps the events that would be sent."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events.append(envelope.get_event())


class Reporter:
    """Reports an error to Sentry, as its integrations do, and reads our own frames without Sentry's limits."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._transport = Recorder()
        self._secrets = tuple(secrets)
        self._client = sentry_sdk.Client(
            dsn="http://key@127.0.0.1:1/1",
            transport=self._transport,
            default_integrations=False,
            max_value_length=100_000,
        )

    def assert_clean(self, error: BaseException) -> None:
        event_of_error, hint = event_from_exception(error, client_options=self._client.options)
        self._client.capture_event(event_of_error, hint=hint)
        stacks = [each["stacktrace"]["frames"] for each in self._transport.events.pop()["exception"]["values"]]
        # the tests' own frames hold the environment
        recorded = [frame for frames in stacks for frame in frames if not frame["module"].startswith("tests.")]
        assert any(frame["module"].startswith("widgetmw") and frame["vars"] for frame in recorded)
        for text in (json.dumps(recorded), repr(_our_variables(error.__traceback__))):
            for secret in self._secrets:
                assert secret not in text
            assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.", text), text


def _our_frames(tb: TracebackType | None) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(tb) if frame.f_globals["__name__"][:8] == "widgetmw"]


def _our_variables(tb: TracebackType | None) -> list[Any]:
    """Returns the local variables of our frames, which Sentry shortens."""
    return [(each.f_code.co_name, each.f_locals) for each in _our_frames(tb)]


def assert_clean_attributes(error: BaseException) -> None:
    """Checks the attributes that the code of our frames names, as Sentry's ``PureEvalIntegration`` records them."""
    for frame in _our_frames(error.__traceback__):
        variables = frame.f_locals
        names = re.findall(r"\b(\w+)\.(\w+)\b(?!\()", inspect.getsource(frame.f_code))
        found = [getattr(variables[name], each, None) for name, each in names if name in variables]
        assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.", repr(found))


@pytest.fixture
def reporter(env: dict[str, str]) -> Reporter:
    return Reporter(env[name] for name in SECRETS)


def raised_by(call: Callable[[], object], kind: type[BaseException] = Gone) -> BaseException:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# ASGI

FailsAt = int  # the number of the message at which the server fails


class AsgiServer:
    """Receives messages, and fails at one of them."""

    def __init__(self, fails_at: FailsAt, is_eager: bool = False) -> None:
        self._fails_at, self._seen = fails_at, 0
        self.send: Any = self._send_eagerly if is_eager else self._send

    async def _send(self, message: Any) -> None:
        self._count()

    def _send_eagerly(self, message: Any) -> Any:
        self._count()  # a middleware may do its work before it returns an awaitable
        return asyncio.sleep(0)

    def _count(self) -> None:
        self._seen += 1
        if self._seen == self._fails_at:
            raise Gone


async def receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def asgi_app(chunks: Iterable[bytes], fails: bool = False, coding: str = "") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", HTML.encode())] + ([(b"content-encoding", coding.encode())] if coding else [])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if fails:
            raise Gone
        await send({"type": "http.response.body", "body": b""})

    return app


def request_asgi(env: dict[str, str], app: Any, server: AsgiServer, method: str = "GET", path: str = "/") -> None:
    async def resolve(scope: Any) -> User:
        await asyncio.sleep(0)
        return ADA

    for user in (resolve, lambda scope: ADA):
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
        middleware = AsgiMiddleware(app, Settings.from_env(env), user=user)  # type: ignore[arg-type]
        asyncio.run(middleware(scope, receive, server.send))


@pytest.mark.parametrize("is_eager", [False, True], ids=["async send", "plain send"])
@pytest.mark.parametrize("chunks", [(BODY,), SPLIT, (gzip.compress(BODY),)], ids=["whole", "split", "gzip"])
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_an_asgi_server_that_fails(
    env: dict[str, str], reporter: Reporter, fails_at: FailsAt, chunks: tuple[bytes, ...], is_eager: bool
) -> None:
    app = asgi_app(chunks, coding="gzip" if chunks[0][:1] == b"\x1f" else "")
    reporter.assert_clean(raised_by(lambda: request_asgi(env, app, AsgiServer(fails_at, is_eager))))


@pytest.mark.parametrize("is_eager", [False, True], ids=["async send", "plain send"])
def test_an_asgi_server_that_fails_at_head(env: dict[str, str], reporter: Reporter, is_eager: bool) -> None:
    error = raised_by(lambda: request_asgi(env, asgi_app(()), AsgiServer(1, is_eager), "HEAD"))
    reporter.assert_clean(error)


@pytest.mark.parametrize("chunks", [(BODY,), SPLIT], ids=["whole", "split"])
def test_an_asgi_app_that_fails_after_its_page(
    env: dict[str, str], reporter: Reporter, chunks: tuple[bytes, ...]
) -> None:
    reporter.assert_clean(raised_by(lambda: request_asgi(env, asgi_app(chunks, fails=True), AsgiServer(0))))


@pytest.mark.parametrize("path", ["/_widgetmw/token", "/_widgetmw/token/hissuno"])
@pytest.mark.parametrize("fails_at", [1, 2])
def test_an_asgi_server_that_fails_at_a_token_request(
    env: dict[str, str], reporter: Reporter, path: str, fails_at: FailsAt
) -> None:
    error = raised_by(lambda: request_asgi(env, asgi_app(()), AsgiServer(fails_at), path=path))
    reporter.assert_clean(error)
    assert_clean_attributes(error)


# WSGI


def wsgi_app(chunks: Any, writes: bool = False, coding: str = "") -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        headers = [("Content-Type", HTML)] + ([("Content-Encoding", coding)] if coding else [])
        write = start_response("200 OK", headers)
        if writes:
            for chunk in chunks:
                write(chunk)
            return []
        return chunks() if callable(chunks) else chunks

    return app


def request_wsgi(env: dict[str, str], app: Any, fails_at: str = "", method: str = "GET", path: str = "/") -> None:
    def fail(stage: str) -> None:
        if stage == fails_at:
            raise Gone

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        fail("start")
        return lambda data: fail("write")

    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.url_scheme": "http"}
    result: Any = WsgiMiddleware(app, Settings.from_env(env), user=lambda environ: ADA)(environ, start_response)
    for _ in result:
        pass
    if hasattr(result, "close"):
        result.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("writes", [False, True], ids=["returns", "writes"])
@pytest.mark.parametrize("chunks", [[BODY], list(SPLIT), [gzip.compress(BODY)]], ids=["whole", "split", "gzip"])
def test_a_wsgi_server_whose_start_response_fails(
    env: dict[str, str], reporter: Reporter, chunks: list[bytes], writes: bool, method: str
) -> None:
    app = wsgi_app(chunks, writes, coding="gzip" if chunks[0][:1] == b"\x1f" else "")
    reporter.assert_clean(raised_by(lambda: request_wsgi(env, app, "start", method)))


def test_a_wsgi_server_whose_write_fails(env: dict[str, str], reporter: Reporter) -> None:
    reporter.assert_clean(raised_by(lambda: request_wsgi(env, wsgi_app(SPLIT, writes=True), "write")))


@pytest.mark.parametrize("chunks", [(BODY,), SPLIT], ids=["whole", "split"])
def test_a_wsgi_app_that_fails_after_its_page(
    env: dict[str, str], reporter: Reporter, chunks: tuple[bytes, ...]
) -> None:
    def stream() -> Iterator[bytes]:
        yield from chunks
        yield b"more"
        raise Gone

    reporter.assert_clean(raised_by(lambda: request_wsgi(env, wsgi_app(stream))))


def test_a_wsgi_app_whose_close_fails(env: dict[str, str], reporter: Reporter) -> None:
    class Page(list[bytes]):
        def close(self) -> None:
            raise Gone

    reporter.assert_clean(raised_by(lambda: request_wsgi(env, wsgi_app(Page(SPLIT)))))


@pytest.mark.parametrize("path", ["/_widgetmw/token", "/_widgetmw/token/hissuno"])
def test_a_wsgi_server_that_fails_at_a_token_request(env: dict[str, str], reporter: Reporter, path: str) -> None:
    error = raised_by(lambda: request_wsgi(env, wsgi_app([]), "start", path=path))
    reporter.assert_clean(error)
    assert_clean_attributes(error)


# the signers


@pytest.mark.parametrize("path", ["/", "/_widgetmw/token"])
@pytest.mark.parametrize("request_", [request_asgi, request_wsgi])
def test_a_worker_timeout_inside_signing(
    env: dict[str, str], reporter: Reporter, monkeypatch: pytest.MonkeyPatch, request_: Any, path: str
) -> None:
    def time_out(*_: object) -> None:
        raise WorkerTimeout

    original = signing._VendorHMAC.sign

    def sign(self: Any, msg: bytes, key: bytes) -> bytes:
        signature = original(self, msg, key)
        signal.raise_signal(signal.SIGALRM)
        return signature

    monkeypatch.setattr(signing._VendorHMAC, "sign", sign)
    before = signal.signal(signal.SIGALRM, time_out)
    arguments: Any = (asgi_app((BODY,)), AsgiServer(0)) if request_ is request_asgi else (wsgi_app([BODY]),)
    try:
        error = raised_by(lambda: request_(env, *arguments, path=path), WorkerTimeout)
    finally:
        signal.signal(signal.SIGALRM, before)
    reporter.assert_clean(error)
    assert "sign" not in [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]


# the settings


def test_settings_from_a_mapping(env: dict[str, str], reporter: Reporter) -> None:
    for name, text in (("DG_TOKEN_TTL", "x"), ("WIDGETMW_TYPO", "1")):
        error = raised_by(partial(Settings.from_env, {**env, name: text}), SettingsError)
        reporter.assert_clean(error)


def test_settings_from_a_mapping_that_fails(env: dict[str, str], reporter: Reporter) -> None:
    class Vault(dict[str, str]):
        """Fails at the look-up of one name, as a store of secrets that goes away."""

        def get(self, name: str, default: Any = None) -> Any:
            if name == fails_at[0]:
                fails_at[1] -= 1
                if fails_at[1] < 0:
                    raise Gone
            return super().get(name, default)

    failures = 0
    for name in (*env, *(f"{name}_FILE" for name in SECRETS), "DG_TOKEN_TTL", "WIDGETMW_CSP"):
        for count in range(3):
            fails_at: list[Any] = [name, count]
            try:
                Settings.from_env(Vault(env))
            except Gone as error:
                failures += 1
                reporter.assert_clean(error)
    assert failures > 10


def test_settings_merged_with_the_configuration_of_a_framework(env: dict[str, str], reporter: Reporter) -> None:
    error = raised_by(lambda: merge_config(dict(env), {**env, "DG_TOKEN_TTL": object()}), SettingsError)
    reporter.assert_clean(error)
