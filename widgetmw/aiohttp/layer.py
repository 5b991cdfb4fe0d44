"""The outermost middleware of an aiohttp app, and its innermost route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict, CIMultiDictProxy

from widgetmw.aiohttp.writer import Exact, Nowhere, Responder, Writer, name_file
from widgetmw.asgi.middleware import below, call_of, hide_validators, tokens_for
from widgetmw.asgi.responder import Scope
from widgetmw.core.endpoint import Answer, Call
from widgetmw.core.engine import VALIDATORS, Widget
from widgetmw.core.errors import cause
from widgetmw.core.identity.resolvers import KEY, AsyncResolver, claim, share
from widgetmw.core.identity.user import User

Resolver: TypeAlias = Callable[[web.Request], User | Awaitable[User | None] | None]

_CALL: Final = "widgetmw.call"

# aiohttp warns once of each key of a request that is a text; these are, as in a scope or an environ
_warned: set[str] = getattr(web.BaseRequest, "_seen_str_keys", set())
_warned.update({KEY, _CALL})


class Layer:
    """The outermost middleware of one app."""

    __middleware_version__ = 1  # as web.middleware marks a function

    def __init__(self, app: web.Application, widget: Widget, user: Resolver | None) -> None:
        self.widget = widget
        self._user = user
        self._front = widget.front if user is None else None
        app.router.add_route("*", widget.path, self._inside)
        self._route = app.router.add_route("*", f"{widget.path}/{{tail:.*}}", self._inside)
        app.middlewares.insert(0, self)
        app.on_response_prepare.append(name_file)

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serves one request."""
        if not claim(request, self):  # type: ignore[arg-type]
            return await handler(request)
        path = below(self._mount, request.path)
        scope = _scope(request, self._mount)
        share(request, scope)  # type: ignore[arg-type]
        if self.widget.ours(path):
            return await self._answer(request, handler, scope, call_of(scope, path[len(self.widget.path) :]))
        return await self._page(request, handler, scope, path)

    @cached_property
    def _mount(self) -> str:
        resource = self._route.resource
        assert resource is not None
        return unquote(resource.canonical.removesuffix(f"{self.widget.path}/{{tail}}"))

    def _resolver(self, request: web.Request) -> AsyncResolver:
        user = self._user
        if user is None:
            assert self._front is not None
            return self._front
        return lambda _: user(request)

    # pages

    async def _page(self, request: web.Request, handler: Handler, scope: Scope, path: str) -> web.StreamResponse:
        headers = scope["headers"]
        hide_validators(self.widget, scope, path, self._front)
        if scope["headers"] is not headers:
            _drop_validators(request)
        user = self._resolver(request)
        responder = partial(Responder, self.widget, scope, scope["root_path"], path, user=user)
        request._payload_writer = Writer(request, responder)  # type: ignore[assignment]
        return await handler(request)

    # the endpoint

    async def _answer(self, request: web.Request, handler: Handler, scope: Scope, call: Call) -> web.StreamResponse:
        answer = self.widget.endpoint.refusal(call)
        if answer is None:
            answer = await self._tokens(request, handler, scope, call)
        self.widget.events.note("endpoint", str(answer.status))
        request._payload_writer = Exact(request._payload_writer, answer)  # type: ignore[assignment]
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    async def _tokens(self, request: web.Request, handler: Handler, scope: Scope, call: Call) -> Answer:
        found: list[Any] = [call, None, self, scope]
        try:
            seen = await _outcome(handler, _asking(request, found))
        except Exception as error:
            self.widget.events.failure("endpoint", "failed", cause(error))
            return self.widget.endpoint.unavailable(call)
        answer: Answer | None = found[1]
        # a layer that turned our answer into another has refused it
        if answer is not None and answer.status == seen[0]:
            return answer
        return self.widget.stopped(call, *seen)

    async def _inside(self, request: web.Request) -> web.Response:
        """The route of the endpoint: inside of all middlewares."""
        found = request.get(_CALL)
        if found is None:
            raise web.HTTPNotFound
        call, _, layer, scope = found  # of the outermost layer, where an app and a part of it have one each
        found[1] = await tokens_for(layer.widget, scope, call, layer._resolver(request))
        return web.Response(status=found[1].status)


def _scope(request: web.Request, mount: str) -> Scope:
    """What the core's ASGI side looks at in a request."""
    return {
        "method": request.method,
        "scheme": request.scheme,
        "root_path": mount,
        "query_string": request.rel_url.raw_query_string.encode("latin-1", "replace"),
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": _address(request, "peername"),
        "server": _address(request, "sockname"),
    }


def _address(request: web.Request, name: str) -> tuple[str, int] | None:
    """Host and port of one end of the connection; ``None`` for a Unix socket."""
    found = None if request.transport is None else request.transport.get_extra_info(name)
    return found[:2] if isinstance(found, tuple) else None


def _drop_validators(request: web.Request) -> None:
    # in place: a file is compared with what the browser has at the very end, with the request that aiohttp holds
    kept = [pair for pair in request._headers.items() if pair[0].lower() not in VALIDATORS]
    request._headers = CIMultiDictProxy(CIMultiDict(kept))
    request._cache.pop("headers", None)


def _asking(request: web.Request, found: list[Any]) -> web.Request:
    # a plain GET whatever it was: layers that guard other methods, or answer 304, have nothing to guard here
    asking = request.clone(method="GET")
    asking._payload_writer = Nowhere()
    _drop_validators(asking)
    asking[_CALL] = found
    return asking


async def _outcome(handler: Handler, request: web.Request) -> tuple[int, str]:
    """Returns the status of the app's answer, and where it redirects to."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        answer = error
    return answer.status, answer.headers.get("Location", "")
