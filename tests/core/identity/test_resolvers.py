from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import werkzeug
from aiohttp import web
from bottle import HTTPError as BottleError

from widgetmw import User, identify
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import (
    accepts_arguments,
    from_environ,
    from_scope,
    is_auth_error,
    prefetch_user,
    prefetch_user_async,
    prefetch_user_maybe_async,
    resolve_user,
    resolve_user_async,
    resolve_user_maybe_async,
)

ADA = User("ada")


class HttpError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("secret detail")
        self.status_code = status


def raising(error: BaseException) -> Callable[[Any], User | None]:
    def resolver(request: Any) -> User | None:
        raise error

    return resolver


def resolve_sync(request: dict[str, Any], resolver: Any) -> User | None:
    return resolve_user(request, resolver)


def resolve_async(request: dict[str, Any], resolver: Any) -> User | None:
    async def awaited(given: Any) -> User | None:
        return resolver(given)

    return asyncio.run(resolve_user_async(request, awaited))


BOTH = pytest.mark.parametrize("resolve", [resolve_sync, resolve_async])


@BOTH
def test_a_resolver_returns_the_user_or_none(resolve: Any) -> None:
    assert resolve({}, lambda request: ADA) is ADA
    assert resolve({}, lambda request: None) is None


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_a_401_or_403_of_the_resolver_means_anonymous(resolve: Any, status: int) -> None:
    assert resolve({}, raising(HttpError(status))) is None


@BOTH
def test_any_other_error_is_a_failure_without_the_errors_text(resolve: Any) -> None:
    with pytest.raises(ResolverError) as caught:
        resolve({}, raising(HttpError(500)))
    assert "HttpError at identity/test_resolvers.py:" in str(caught.value)
    assert "secret detail" not in str(caught.value)


def test_a_look_up_that_another_request_has_cancelled_is_a_failure() -> None:
    async def run() -> None:
        look_up = asyncio.ensure_future(asyncio.sleep(60))
        waiting = asyncio.ensure_future(resolve_user_async({}, lambda request: look_up))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(look_up, 0.001)
        with pytest.raises(ResolverError, match="CancelledError"):
            await waiting

    asyncio.run(run())


def test_a_cancelled_request_is_no_failure() -> None:
    async def run() -> None:
        waiting = asyncio.ensure_future(resolve_user_async({}, lambda request: asyncio.sleep(60)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def test_a_loop_of_the_resolvers_own_that_is_cancelled_is_a_failure() -> None:
    with pytest.raises(ResolverError, match="CancelledError"):
        resolve_user({}, raising(asyncio.CancelledError()))


@BOTH
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_what_ends_the_process_passes_as_it_is(resolve: Any, error: BaseException) -> None:
    with pytest.raises(type(error)):
        resolve({}, raising(error))


@BOTH
def test_a_resolver_error_passes_as_it_is(resolve: Any) -> None:
    error = ResolverError("no session")
    with pytest.raises(ResolverError) as caught:
        resolve({}, raising(error))
    assert caught.value is error


@BOTH
def test_any_other_result_is_a_failure(resolve: Any) -> None:
    with pytest.raises(ResolverError, match="returned str, neither a User nor None"):
        resolve({}, lambda request: "ada")


@BOTH
@pytest.mark.parametrize(
    ("resolver", "remedy"),
    [
        (lambda request: request["session"]["id"], "the middleware that sets 'session' is missing"),
        (lambda request: request.session["id"], "not with a request object"),
        (lambda request: {"a": 1}["secret"], "it must return None if nobody is signed in"),
        (lambda request: SimpleNamespace().id, "it must return None if nobody is signed in"),
        (lambda request: {"id": "secret"}, "it must return User(...) with the user's id"),
        (raising(HttpError(303)), "it must return None, or raise a 401 or 403"),
        (raising(RuntimeError("Working outside of request context.")), "use widgetmw.flask.Widget"),
        (raising(RuntimeError("Not within a request nor websocket context")), "use widgetmw.quart.Widget"),
        (
            raising(AssertionError("SessionMiddleware must be installed to access request.session")),
            "the middleware whose data it reads is missing",
        ),
        (raising(RuntimeError("Install aiohttp_session middleware in your app")), "aiohttp_session.setup"),
        (raising(TimeoutError("QueuePool limit of size 5 overflow 10 reached")), "Users from a database"),
        (raising(TimeoutError("couldn't get a connection after 30.00 sec")), "Users from a database"),
    ],
)
def test_the_mistakes_that_resolvers_make_most_come_with_a_remedy(resolve: Any, resolver: Any, remedy: str) -> None:
    with pytest.raises(ResolverError) as caught:
        resolve({}, resolver)
    assert remedy in str(caught.value)
    assert "secret" not in str(caught.value)


@BOTH
def test_another_error_comes_without_a_remedy(resolve: Any) -> None:
    with pytest.raises(ResolverError, match=r"raised ZeroDivisionError at [\w/.]+:\d+$"):
        resolve({}, lambda request: 1 / 0)


@BOTH
def test_what_identify_said_comes_before_the_resolver(resolve: Any) -> None:
    request: dict[str, Any] = {}
    identify(request, None)
    assert resolve(request, raising(AssertionError())) is None
    identify(request, ADA)
    assert resolve(request, raising(AssertionError())) is ADA


def test_a_coroutine_where_none_can_be_awaited_is_closed_and_refused() -> None:
    async def resolver(request: Any) -> User | None:
        return ADA

    with pytest.raises(ResolverError, match=r"returned \w+, neither a User nor None"):
        resolve_user({}, resolver)  # type: ignore[arg-type]


def test_a_user_that_needs_no_await_is_returned_at_once() -> None:
    assert resolve_user_maybe_async({}, lambda request: ADA) is ADA


def prefetch_sync(request: dict[str, Any], resolver: Any) -> None:
    prefetch_user(request, resolver)


def prefetch_async(request: dict[str, Any], resolver: Any) -> None:
    asyncio.run(prefetch_user_async(request, resolver))


def prefetch_maybe_async(request: dict[str, Any], resolver: Any) -> None:
    assert prefetch_user_maybe_async(request, resolver) is None


def prefetch_awaited(request: dict[str, Any], resolver: Any) -> None:
    async def awaited(given: Any) -> User | None:
        return resolver(given)

    async def run() -> None:
        awaitable = prefetch_user_maybe_async(request, awaited)
        assert awaitable is not None
        await awaitable

    asyncio.run(run())


EVERY_PREFETCH = pytest.mark.parametrize(
    "prefetch", [prefetch_sync, prefetch_async, prefetch_maybe_async, prefetch_awaited]
)


@EVERY_PREFETCH
def test_a_prefetched_user_is_not_resolved_again(prefetch: Any) -> None:
    request: dict[str, Any] = {}
    prefetch(request, lambda given: ADA)
    assert resolve_user(request, raising(AssertionError())) is ADA


@EVERY_PREFETCH
def test_a_failure_to_prefetch_is_raised_where_the_user_is_needed(prefetch: Any) -> None:
    request: dict[str, Any] = {}
    prefetch(request, raising(ResolverError("no session")))
    with pytest.raises(ResolverError, match="no session"):
        resolve_user(request, lambda given: ADA)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (HttpError(401), True),
        (SimpleNamespace(code=403), True),
        (HttpError(404), False),
        (SimpleNamespace(status_code="401"), False),
        (SimpleNamespace(status_code=401, response=object()), False),
        (SimpleNamespace(status_code=401, body="{}", headers={}, raw_response=object()), False),  # Clerk
        (SimpleNamespace(status_code=401, body={}, headers={}), False),  # Auth0
        (SimpleNamespace(status_code=401, meta=object(), body={}), False),  # Elasticsearch
        (SimpleNamespace(status_code=401, info={}, error=""), False),  # OpenSearch
        (SimpleNamespace(status_code=401, content=b""), False),  # Zeep
        (BottleError(401, "no"), True),  # these two are responses with a body
        (web.HTTPUnauthorized(), True),
        (OSError(), False),
    ],
)
def test_only_the_apps_own_401_and_403_count(error: Any, expected: bool) -> None:
    assert is_auth_error(error) is expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"identity": "ada"}, "ada"),
        ({"identity": "", "id": 7}, "7"),
        ({"pk": UUID(int=1)}, str(UUID(int=1))),
        ({"identity": None, "id": True, "pk": "x"}, "x"),
    ],
)
def test_the_id_of_a_user_object(attributes: dict[str, Any], expected: str) -> None:
    assert from_scope({"user": SimpleNamespace(is_authenticated=True, **attributes)}) == User(expected)


def test_a_display_name_is_never_an_id() -> None:
    with pytest.raises(ResolverError, match="no usable identity, id or pk"):
        from_scope({"user": SimpleNamespace(is_authenticated=lambda: True, display_name="Ada", username="ada")})


def test_remote_user_is_utf8() -> None:
    assert from_environ({"REMOTE_USER": "zoë".encode().decode("latin-1")}) == User("zoë")
    assert from_environ({"REMOTE_USER": ""}) is None
    with pytest.raises(ResolverError, match="REMOTE_USER is not UTF-8"):
        from_environ({"REMOTE_USER": "\xff"})


def test_the_number_of_arguments_is_checked_as_far_as_the_signature_tells() -> None:
    assert accepts_arguments(lambda request: None, 1)
    assert not accepts_arguments(lambda: None, 1)
    assert accepts_arguments(lambda request=None: None, 0)
    assert accepts_arguments(dict.get, 2)


def test_a_decorated_function_takes_the_arguments_of_its_wrapper() -> None:
    app = werkzeug.Request.application(lambda request: werkzeug.Response(request.path))
    assert accepts_arguments(app, 2)
